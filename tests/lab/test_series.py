"""The points that a page draws: one grid, bounded in number, with every spike in it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loadlab import series
from loadlab.models import Run, RunSecond
from tests.synthetic import LOST_AT, SPIKE_AT, SPIKE_MS, store_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def hour() -> Run:
    """An hour of load."""
    return store_run()


def whole(run: Run) -> dict[str, list[float | None]]:
    """Return the columns of all points."""
    found = series.points(run=run, width=series.run_width(run))
    assert found is not None
    columns: dict[str, list[float | None]] = found["columns"]
    return columns


class TestGrid:
    """How many points there are."""

    @pytest.mark.parametrize(
        ("second_count", "width"), [(1, 1), (600, 1), (601, 2), (3600, 6), (86_400, 300)]
    )
    def test_point_stands_for_as_few_seconds_as_fit(self, second_count: int, width: int) -> None:
        """A short run keeps its seconds."""
        assert series.grid_width(second_count=second_count) == width

    def test_hour_becomes_at_most_600_points(self, hour: Run) -> None:
        """What a page gets does not grow with the run, and all columns have one length."""
        lengths = {len(column) for column in whole(hour).values()}

        assert lengths == {600}

    def test_hour_takes_as_many_queries_as_a_minute(self, hour: Run) -> None:
        """The database adds up: two queries, and at most 600 rows for each outcome."""
        minute = store_run(duration_s=60)
        counts = []
        for run in (minute, hour):
            with CaptureQueriesContext(connection) as queries:
                whole(run)
            counts.append(len(queries))

        assert counts == [2, 2]


class TestPoints:
    """What a point says."""

    def test_spike_of_one_second_is_kept(self, hour: Run) -> None:
        """An average over six seconds would show a sixth of it."""
        columns = whole(hour)

        assert columns["all_p99"][SPIKE_AT // 6] == SPIKE_MS
        assert columns["bought_p99"][0] is not None

    def test_requests_add_up(self, hour: Run) -> None:
        """Rates times seconds are the requests of the run, to the last one."""
        columns = whole(hour)
        pairs = zip(columns["count"], columns["n"], strict=True)

        counted = sum(count * n for count, n in pairs if count is not None and n is not None)

        rows = RunSecond.objects.filter(run=hour).values_list("request_count", flat=True)
        assert round(counted) == sum(rows)

    def test_lost_second_of_a_short_run_is_a_gap(self) -> None:
        """No zero where nothing is known."""
        run = store_run(duration_s=5)
        RunSecond.objects.filter(run=run, seq=2).delete()

        columns = whole(run)

        assert (columns["bought"][2], columns["t"][2], columns["cpu"][2]) == (None, None, None)
        assert columns["bought"][3] is not None

    def test_servers_busiest_second_is_kept_and_what_was_not_measured_is_a_gap(self) -> None:
        """As with the generator's; a restart is no time without load."""
        run = store_run(duration_s=4)
        for seq, pct in enumerate([50.0, 170.0, None, None]):
            RunSecond.objects.filter(run=run, seq=seq).update(server_cpu_pct=pct)

        found = series.points(run=run, width=2)

        assert found is not None
        assert found["columns"]["server_cpu"] == [170.0, None]

    def test_lost_second_of_a_long_run_leaves_the_rate_right(self, hour: Run) -> None:
        """A point of five seconds is divided by five."""
        columns = whole(hour)
        at = LOST_AT // 6

        assert columns["n"][at] == 5
        assert columns["count"][at] == pytest.approx(columns["count"][at + 1], rel=0.1)

    def test_outcome_with_too_few_requests_has_no_percentile(self) -> None:
        """Two requests have no p99: a gap, and not a line to zero."""
        run = store_run(duration_s=3)
        run.samples.filter(outcome="bought").update(count=series.LEAST_SAMPLES - 1)

        columns = whole(run)

        assert columns["bought_p95"][0] is None
        assert columns["all_p95"][0] is not None

    def test_point_is_whole_however_little_was_missed(self, hour: Run) -> None:
        """Asking from the middle of a point gives all of it: putting it in twice is harmless."""
        everything = whole(hour)

        found = series.points(run=hour, width=6, after=9)

        assert found is not None
        assert found["first"] == 1
        assert found["columns"]["count"] == everything["count"][1:]

    def test_part_of_the_run_is_shown_finer(self, hour: Run) -> None:
        """Zooming in finds the seconds again."""
        found = series.points(run=hour, width=1, after=SPIKE_AT - 11, until=SPIKE_AT + 10)

        assert found is not None
        assert found["first"] == SPIKE_AT - 10
        assert found["columns"]["all_p99"].index(SPIKE_MS) == 10
        assert len(found["columns"]["t"]) == 20

    def test_run_without_seconds_has_no_points(self) -> None:
        """Nothing to draw."""
        run = store_run(duration_s=1)
        RunSecond.objects.filter(run=run).delete()

        assert series.points(run=run, width=1) is None


class TestSparklines:
    """The small curves of the history."""

    def test_all_runs_are_read_with_one_query(self) -> None:
        """A page of twenty runs costs what a page of one costs."""
        runs = [store_run(duration_s=60) for _ in range(3)]

        with CaptureQueriesContext(connection) as queries:
            found = series.sparklines(run_ids=[run.pk for run in runs], length=20)

        assert len(queries) == 1
        assert [len(found[run.pk]) for run in runs] == [20, 20, 20]
