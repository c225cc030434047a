"""The table of a run's moves, and that the database and the services keep to it."""

from datetime import UTC, datetime
from itertools import product

import pytest

from loadlab import services, states
from loadlab.models import Run

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
ALL = (*states.ACTIVE, *states.ENDED)


def test_table_knows_every_state() -> None:
    """No state of the model is missing, and none is invented."""
    assert set(states.MOVES) == set(ALL) == set(Run.State.values)
    assert {to for targets in states.MOVES.values() for to in targets} <= set(ALL)


@pytest.mark.parametrize("state", states.ENDED)
def test_what_ended_stays_as_it_ended(state: str) -> None:
    """There is no way out."""
    assert states.MOVES[state] == ()


@pytest.mark.parametrize("state", states.ACTIVE)
def test_every_active_state_can_end(state: str) -> None:
    """Directly or through others: no run can get stuck."""
    reached, fresh = {state}, {state}
    while fresh:
        fresh = {to for one in fresh for to in states.MOVES[one]} - reached
        reached |= fresh

    assert reached & set(states.ENDED)


@pytest.mark.django_db
@pytest.mark.parametrize(("came_from", "to"), list(product(states.ACTIVE[1:], states.ENDED)))
def test_end_is_legal_exactly_where_the_table_says_so(came_from: str, to: str) -> None:
    """An illegal one changes nothing and says what was expected and what came."""
    run = Run.objects.create(
        scenario="baseline", user_count=1, think_time_s=0, duration_s=1, capacity=1,
        target="http://x", state=came_from, worker="me",
    )  # fmt: skip
    legal = to in states.MOVES[came_from]

    def end() -> bool:
        return services.run_end(
            run_id=run.pk, worker="me", state=to, reason=None, summary=None, verdicts=None, now=NOW
        )

    if legal:
        assert end()
    else:
        with pytest.raises(states.IllegalMove, match=f"cannot become {to}.* it is {came_from}"):
            end()
    assert Run.objects.get(pk=run.pk).state == (to if legal else came_from)
