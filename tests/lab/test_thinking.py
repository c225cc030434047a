"""Users who think about equally long, and never in step."""

from itertools import islice, pairwise
from pathlib import Path
from statistics import mean

import pytest

from loadlab.thinking import pauses
from tests.lab.generating import generate, load_of
from tests.lab.stub import stub


def drawn(seed: int, *, think_time_s: float = 0.5, count: int = 1000) -> list[float]:
    """Return the first pauses of one user."""
    return list(islice(pauses(think_time_s=think_time_s, seed=seed), count))


@pytest.mark.parametrize("seed", range(5))
def test_think_time_is_the_mean_and_the_middle(seed: int) -> None:
    """Half a second is asked for: no pause is below 0.45 s or above 0.55 s."""
    found = drawn(seed)

    assert mean(found) == pytest.approx(0.5, rel=0.01)
    assert 0.45 <= min(found) < 0.452
    assert 0.548 < max(found) <= 0.55


def test_each_user_has_their_own_and_the_same_in_every_run() -> None:
    """Or they would be out of step with themselves only."""
    assert drawn(1) == drawn(1)
    assert len({tuple(drawn(seed)) for seed in range(100)}) == 100


def test_whoever_does_not_think_does_not_pause() -> None:
    """The generator goes as fast as it can."""
    assert set(drawn(1, think_time_s=0.0)) == {0.0}


def test_users_pause_so(tmp_path: Path) -> None:
    """Seen from a shop: the pauses of one user differ by more than a tenth of the think time."""
    load = {"user_count": 2, "think_time_s": 0.2, "duration_s": 4}
    with stub(tmp_path, delay_s=0.01) as shop:
        generate(load_of("baseline", shop.target, **load))

    looks = [one for one in shop.served if one.method == "GET"]
    paused = [later.read_at - earlier.answered_at for earlier, later in pairwise(looks)]
    assert len(paused) > 10
    assert max(paused) - min(paused) > 0.02
