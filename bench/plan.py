"""How much to measure, from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

PARTS = ("selling", "sqlite", "processes", "memory", "rows", "reference")


@dataclass(frozen=True)
class Plan:
    """The whole of `make bench` unless the environment asks for less.

    BENCH_SECONDS: length of one turn. BENCH_ROUNDS: turns for each contestant.
    BENCH_PURCHASES: sold while memory is watched. BENCH_ROWS: purchases in the large table.
    BENCH_RUN_S: length of each reference run. BENCH_RUNS: how many of them, with as many twins.
    BENCH_PARTS: comma list of parts.
    """

    seconds: int = 3
    round_count: int = 5
    purchase_count: int = 200_000
    row_count: int = 2_000_000
    run_s: int = 60
    run_count: int = 3
    parts: tuple[str, ...] = PARTS
    connection_count: int = 50
    warm_up_s: int = 1


class WrongPlan(Exception):
    """A variable makes no sense; the message names it."""


def read_plan(environment: Mapping[str, str] = os.environ) -> Plan:
    """Read the environment.

    Raises:
        WrongPlan: a number that is none or below 1, or an unknown part.
    """
    usual = Plan()
    parts = tuple(part for part in environment.get("BENCH_PARTS", "").split(",") if part)
    for part in parts:
        if part not in PARTS:
            raise WrongPlan(f"BENCH_PARTS: there is no part {part!r}, only {', '.join(PARTS)}.")
    return Plan(
        seconds=_number(environment, "BENCH_SECONDS", usual.seconds),
        round_count=_number(environment, "BENCH_ROUNDS", usual.round_count),
        purchase_count=_number(environment, "BENCH_PURCHASES", usual.purchase_count),
        row_count=_number(environment, "BENCH_ROWS", usual.row_count),
        run_s=_number(environment, "BENCH_RUN_S", usual.run_s),
        run_count=_number(environment, "BENCH_RUNS", usual.run_count),
        parts=parts or PARTS,
    )


def _number(environment: Mapping[str, str], name: str, usual: int) -> int:
    text = environment.get(name, "") or str(usual)
    if not text.isdigit() or int(text) < 1:
        raise WrongPlan(f"{name} must be a whole number of 1 or more, not {text!r}.")
    return int(text)
