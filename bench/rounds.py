"""Fair comparison on a noisy machine: contestants take turns, and ratios are made turn by turn.

Note [Medians of ratios]
    What else happens on a machine slows whoever runs at that moment. So all contestants of a group
    run one after another, again and again (A B C, A B C, …); a ratio is made between neighbors of
    one round, and the median over the rounds is what counts: a disturbance spoils one round, not
    the result. Processor time per request is told as well: it is far less moved by neighbors than
    requests per second.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from bench import latencies
from bench.load import Answers, Request, attack
from bench.plan import Plan
from bench.postgres import Postgres
from bench.servers import Server

Say = Callable[[str], None]


@dataclass(frozen=True)
class Contestant:
    """One request against one server. `refusal`: the answers have a status of 400 or above."""

    name: str
    server: Server
    request: Request
    refusal: bool = False
    connection_count: int | None = None  # None: as many as the plan says


@dataclass(frozen=True)
class Measure:
    """One turn: what came back, and what it took of the processor (s)."""

    answers: Answers
    server_cpu_s: float
    database_cpu_s: float

    @property
    def per_s(self) -> float:
        """Answers per second."""
        return self.answers.per_s

    @property
    def p99_ms(self) -> float:
        """99 of 100 answers took at most this."""
        return latencies.percentile_ms(self.answers.latencies_us, 99)

    @property
    def p50_ms(self) -> float:
        """Half of the answers took at most this."""
        return latencies.percentile_ms(self.answers.latencies_us, 50)

    @property
    def mean_ms(self) -> float:
        """The mean answer took this."""
        return latencies.mean_ms(self.answers.latencies_us)


Figure = Callable[[Measure], float]
PER_S: Figure = attrgetter("per_s")
P50_MS: Figure = attrgetter("p50_ms")
P99_MS: Figure = attrgetter("p99_ms")
MEAN_MS: Figure = attrgetter("mean_ms")
SERVER_CPU_S: Figure = attrgetter("server_cpu_s")
DATABASE_CPU_S: Figure = attrgetter("database_cpu_s")


@dataclass(frozen=True)
class Turns:
    """All turns of one contestant, in order."""

    name: str
    measures: list[Measure]
    unexpected: int  # answers of another kind than the contestant's, and requests without one
    acknowledged: int  # answers that were no refusal, the warm-up's among them

    def median(self, of: Figure) -> float:
        """Return the median over the turns of one figure."""
        return statistics.median(of(measure) for measure in self.measures)

    def per_answer_us(self, of: Figure) -> float:
        """Return the microseconds of a time (s) for one answer, over all turns."""
        return sum(of(measure) for measure in self.measures) / max(1, self.count) * 1e6

    @property
    def count(self) -> int:
        """Answers in all turns."""
        return sum(measure.answers.count for measure in self.measures)


def ratio(one: Turns, other: Turns, *, of: Figure = PER_S) -> float:
    """Return the median of `one` divided by `other`, each pair from the same round."""
    pairs = zip(one.measures, other.measures, strict=True)
    return statistics.median(of(a) / max(1e-9, of(b)) for a, b in pairs)


def take_turns(
    contestants: Sequence[Contestant], *, plan: Plan, database: Postgres | None, say: Say
) -> dict[str, Turns]:
    """Let everybody warm up, then measure in rounds; by name."""
    say(f"warming up: {', '.join(contestant.name for contestant in contestants)}")
    short = replace(plan, seconds=plan.warm_up_s)
    warm_ups = [_measure(one, short, database) for one in contestants]
    found: list[list[Measure]] = [[] for _ in contestants]
    for number in range(1, plan.round_count + 1):
        for contestant, measures in zip(contestants, found, strict=True):
            measures.append(_measure(contestant, plan, database))
            rate = measures[-1].per_s
            say(f"round {number} of {plan.round_count}: {contestant.name} {rate:,.0f}/s")
    return {
        one.name: _turns(one, measures, warm_up)
        for one, measures, warm_up in zip(contestants, found, warm_ups, strict=True)
    }


def _measure(contestant: Contestant, plan: Plan, database: Postgres | None) -> Measure:
    server = contestant.server
    server_before, database_before = server.cpu_s(), database.cpu_s() if database else 0.0
    answers = attack(
        server.url,
        contestant.request,
        seconds=plan.seconds,
        connection_count=contestant.connection_count or plan.connection_count,
    )
    return Measure(
        answers,
        server_cpu_s=server.cpu_s() - server_before,
        database_cpu_s=database.cpu_s() - database_before if database else 0.0,
    )


def _turns(contestant: Contestant, measures: list[Measure], warm_up: Measure) -> Turns:
    answers = [measure.answers for measure in measures]
    refused = sum(one.refused for one in answers)
    wrong = sum(one.count for one in answers) - refused if contestant.refusal else refused
    return Turns(
        name=contestant.name,
        measures=measures,
        unexpected=wrong + sum(one.lost for one in answers),
        acknowledged=sum(one.count - one.refused for one in (*answers, warm_up.answers)),
    )
