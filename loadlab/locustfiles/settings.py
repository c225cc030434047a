"""What this run was told: from the environment, or on another machine from the master."""

import json
import os
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Chosen:
    """The key, the stock it sells, and what people set, by the name of the scenario's field."""

    key: str
    vacancy_id: int
    values: dict[str, float]
    part: int = 0  # which of the generator's processes this is,
    parts: int = 1  # of how many

    @classmethod
    def from_environment(cls) -> "Chosen":
        """Read what the supervisor passed on."""
        return cls(**json.loads(os.environ["LOADLAB_CHOSEN"]))

    def for_part(self, part: int, parts: int) -> dict[str, Any]:
        """Return the same as plain data for one of several processes."""
        return {**asdict(self), "part": part, "parts": parts}

    def number(self, name: str) -> float:
        """Return one setting; a scenario that lacks it gets 0."""
        return self.values.get(name, 0)
