"""The real load generator, driven as the supervisor drives it, without a database."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from loadlab import percentiles, wire
from loadlab.generator import Generator, Load
from loadlab.percentiles import Latency
from loadlab.scenarios import SCENARIOS

PATIENCE_S = 120.0


@dataclass
class Heard:
    """Everything that a generator said, and how it ended."""

    hello: wire.Hello | None = None
    seconds: list[wire.Second] = field(default_factory=list)
    final: wire.Final | None = None
    ended: str = ""

    @property
    def last(self) -> wire.Final:
        """The last report, which must be there."""
        assert self.final is not None, self.ended
        return self.final

    def series(self, *names: str) -> list[wire.Series]:
        """All that was reported, under these names or under any."""
        found = [item for second in self.seconds for item in second.series]
        return [item for item in found if not names or item.name in names]

    def count(self, outcome: str = "") -> int:
        """Count the answers, of one outcome or of all."""
        return sum(item.count for item in self.series() if outcome in {"", item.outcome})

    def latency(self) -> Latency:
        """The percentiles of everything."""
        found = percentiles.read(percentiles.merge(item.histogram for item in self.series()))
        assert found is not None
        return found

    @property
    def events(self) -> list[wire.Event]:
        """What happened on the time axis."""
        return [event for second in self.seconds for event in second.events]


def load_of(scenario: str, target: str, **values: Any) -> Load:
    """Return what a supervisor would tell the generator."""
    known = SCENARIOS[scenario]
    return Load(
        locustfile=known.locustfile,
        loop=known.loop,
        target=target,
        key="tsk_stub",
        vacancy_id=1,
        values={**known.defaults(), **values},
        stop_timeout_s=5.0,
    )


def generate(
    load: Load, *, each: Callable[[Generator, Heard], None] = lambda generator, heard: None
) -> Heard:
    """Run to the end; `each` is called after every look at the pipe and may interfere."""
    heard = Heard()
    generator = Generator(load)
    deadline = time.monotonic() + load.values["duration_s"] + PATIENCE_S
    try:
        while not generator.at_end and time.monotonic() < deadline:
            for line in generator.lines(wait_s=0.1):
                _take(heard, line)
            each(generator, heard)
    finally:
        heard.ended = generator.end(grace_s=20.0)
    return heard


def stop_once() -> Callable[[Generator, Heard], None]:
    """Interfere by asking to stop, once, as soon as a second was reported."""
    asked: list[bool] = []

    def stop(generator: Generator, heard: Heard) -> None:
        if heard.seconds and not asked:  # a look may find several seconds at once
            asked.append(True)
            generator.ask_to_stop()

    return stop


def _take(heard: Heard, line: wire.Line) -> None:
    if isinstance(line, wire.Hello):
        heard.hello = line
    elif isinstance(line, wire.Second):
        heard.seconds.append(line)
    else:
        heard.final = line
