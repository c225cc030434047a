"""Sentences that are stored with their values apart, so that they can be told in any language.

Note [Sentences are translated when they are shown]
    A verdict is judged once, in a process that knows nothing of its readers, and is read for
    years, in English and Portuguese; so is the reason why a run ended. What is stored is the
    English text with named places and the values that go there; whoever shows it looks the text
    up in the catalog and writes the numbers as its reader's country does. The English rendering
    is stored beside it, for scripts. Refusals carry such a sentence too: a page tells it in its
    reader's language, a command in English.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Value = str | int | float


def gettext_noop(message: str) -> str:
    """Mark a text for the catalog without translating it; makemessages knows this name."""
    return message


def english(value: Value) -> str:
    """Write a value with commas between thousands and no more digits than it has."""
    return value if isinstance(value, str) else f"{value:,}"


@dataclass(frozen=True)
class Sentence:
    """A text with named places, as "p95 is %(p95)s ms.", and what goes there.

    Numbers are rounded by whoever makes the sentence: what is stored is what is shown.
    """

    text: str
    params: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return it in English."""
        return self.told()

    def told(
        self,
        translate: Callable[[str], str] = str,
        write: Callable[[Value], str] = english,
    ) -> str:
        """Return it in the language that `translate` and `write` speak."""
        return translate(self.text) % {name: write(value) for name, value in self.params.items()}

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"text": self.text, "params": dict(self.params)}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Sentence":
        """Read what `as_json` returned."""
        return cls(said["text"], said["params"])


class Told(Exception):
    """An error whose message is a sentence for people, who may read another language."""

    def __init__(self, text: str, **values: Value) -> None:
        """Keep the text and its values apart; numbers that name something are given as text."""
        self.sentence = Sentence(text, values)
        super().__init__(str(self.sentence))


def tell(sentences: Iterable[Sentence]) -> str:
    """Join sentences into English text."""
    return " ".join(map(str, sentences))
