"""What a run adds up to."""

from dataclasses import replace

import pytest

from loadlab import percentiles
from loadlab.summary import Cell, Row, Sales, Split, Summary, summarize

SALES = Sales(
    capacity=10, available=4, held=0, sold=6, purchase_count=6, purchased_qty=6, ticket_count=6
)


def cell(
    seq: int, outcome: str, latencies_ms: list[float], *, name: str = "POST /purchase"
) -> Cell:
    """One second of one outcome with these latencies."""
    histogram = percentiles.new_histogram()
    for ms in latencies_ms:
        percentiles.record(histogram, ms)
    encoded = percentiles.encode(histogram)
    return Cell(seq, name, outcome, len(latencies_ms), sum(latencies_ms), encoded)


CELLS = [
    cell(0, "bought", [1.0, 3.0]),
    cell(1, "bought", [5.0]),
    cell(1, "sold_out", [2.0]),
    cell(2, "sold_out", [2.0, 2.0]),
    cell(2, "fault", [20.0]),
    cell(0, "read", [1.0, 1.0], name="GET /available"),
]


def summary_of(
    cells: list[Cell],
    *,
    elapsed_s: float = 4.0,
    unknown: dict[str, int] | None = None,
    sales: Sales | None = SALES,
) -> Summary:
    """Add up with usual surroundings."""
    return summarize(cells=cells, elapsed_s=elapsed_s, unknown=unknown or {}, sales=sales)


def row(summary: Summary, outcome: str) -> Row:
    """Find the row of one outcome."""
    (found,) = (row for row in summary.rows if row.outcome == outcome)
    return found


def test_counts_are_added_by_name_and_outcome() -> None:
    """Each name and outcome has one row, in order."""
    counts = [(row.name, row.outcome, row.count) for row in summary_of(CELLS).rows]

    assert counts == [
        ("GET /available", "read", 2),
        ("POST /purchase", "bought", 3),
        ("POST /purchase", "fault", 1),
        ("POST /purchase", "sold_out", 3),
    ]


def test_rates_are_counts_by_elapsed_time() -> None:
    """Nine requests in four seconds."""
    summary = summary_of(CELLS)

    assert (summary.request_count, summary.rate_per_s) == (9, 2.25)
    assert row(summary, "bought").rate_per_s == 0.75


def test_mean_weighs_each_request_once() -> None:
    """A mean of seconds' means would be 3.5."""
    assert row(summary_of(CELLS), "bought").avg_ms == pytest.approx(3.0)


def test_percentiles_come_from_all_requests() -> None:
    """The median of 1, 3 and 5 is 3, whatever seconds they fell in."""
    bought = row(summary_of(CELLS), "bought")

    assert bought.p50_ms == pytest.approx(3.0, rel=0.002)
    assert bought.max_ms == pytest.approx(5.0, rel=0.002)


def test_fast_refusals_do_not_flatter_the_buyers() -> None:
    """Outcomes are rows of their own."""
    summary = summary_of([cell(0, "bought", [100.0] * 5), cell(0, "sold_out", [1.0] * 500)])

    assert row(summary, "bought").p95_ms == pytest.approx(100.0, rel=0.002)
    assert summary.total.p95_ms == pytest.approx(1.0, rel=0.002)


def test_mean_in_flight_follows_littles_law() -> None:
    """200 requests a second of 50 ms each keep ten in flight."""
    summary = summary_of([cell(0, "read", [50.0] * 400)], elapsed_s=2.0)

    assert summary.mean_in_flight == pytest.approx(10.0)


def test_unknown_ends_get_a_row_without_latency() -> None:
    """Cut off in flight: counted, not timed."""
    summary = summary_of(CELLS, unknown={"POST /purchase": 2})

    found = row(summary, "unknown")
    assert (found.count, found.avg_ms, found.p95_ms) == (2, None, None)
    assert summary.unknown_count == 2


def test_unknown_ends_join_those_with_a_latency() -> None:
    """A broken connection has a latency, a request cut off has none: one row, both counted."""
    summary = summary_of([cell(0, "unknown", [40.0])], unknown={"POST /purchase": 2})

    found = row(summary, "unknown")
    assert found.count == summary.unknown_count == 3
    assert found.avg_ms == pytest.approx(40.0)


def test_total_is_the_sum_of_its_rows() -> None:
    """Requests whose end was never seen were sent all the same."""
    summary = summary_of(CELLS, unknown={"POST /purchase": 2, "GET /available": 1})

    assert summary.total.count == summary.request_count == sum(row.count for row in summary.rows)
    assert summary.request_count == 12


def test_requests_above_a_minute_count_without_latency() -> None:
    """Recorded nowhere in the histogram, but sent."""
    summary = summary_of([cell(0, "read", [70_000.0])])

    assert (summary.request_count, summary.total.p95_ms) == (1, None)


def test_sold_out_begins_in_its_first_second() -> None:
    """The order of the cells does not matter."""
    assert summary_of(CELLS[::-1]).sold_out_at_s == 1.0


def test_run_that_never_sold_out_says_so() -> None:
    """None is not second 0."""
    assert summary_of(CELLS[:1]).sold_out_at_s is None


def test_faults_are_counted() -> None:
    """Over all names."""
    faults = [*CELLS, cell(3, "fault", [1.0], name="GET /available")]

    assert summary_of(faults).fault_count == 2


def test_stock_stands_beside_what_buyers_were_told() -> None:
    """Refused for another reason is refused, but not sold out."""
    stock = summary_of([*CELLS, cell(3, "refused", [1.0])]).stock

    assert stock is not None
    assert (stock.bought_seen, stock.sold_out_seen, stock.refused_seen) == (3, 3, 4)
    assert (stock.sold, stock.ticket_count) == (6, 6)


def test_unreadable_stock_is_left_out() -> None:
    """It is not zero places."""
    assert summary_of(CELLS, sales=None).stock is None


def test_run_without_samples_has_no_latency() -> None:
    """Nothing was measured and nothing is divided by zero."""
    summary = summary_of([], elapsed_s=0.0)

    assert (summary.request_count, summary.rate_per_s, summary.mean_in_flight) == (0, 0.0, 0.0)
    assert (summary.total.p95_ms, summary.rows) == (None, [])


def test_summary_is_plain_data() -> None:
    """It is stored as JSON and read back by pages and scripts."""
    plain = summary_of(CELLS).as_json()

    assert plain["total"]["count"] == 9
    assert plain["stock"]["capacity"] == 10


class TestPlacesThatCameBack:
    """Cancelled purchases, and holds that may be released or expire."""

    CANCEL = "POST /purchases/{id}/cancel"

    def test_cancellations_are_counted(self) -> None:
        """Those that were acknowledged, and apart from them those without an answer."""
        cells = [*CELLS, cell(2, "read", [1.0, 1.0], name=self.CANCEL)]

        stock = summary_of(cells, unknown={self.CANCEL: 3}).stock

        assert stock is not None
        assert (stock.cancelled_seen, stock.maybe_cancelled, stock.gave_back) == (2, 3, True)

    def test_hold_may_give_back(self) -> None:
        """Somebody who was told sold out may have been told so rightly."""
        cells = [*CELLS, cell(2, "read", [1.0], name="POST /holds")]

        stock = summary_of(cells).stock

        assert stock is not None
        assert stock.gave_back

    def test_purchases_alone_give_nothing_back(self) -> None:
        """Then sold out is for good."""
        stock = summary_of(CELLS).stock

        assert stock is not None
        assert not stock.gave_back


def test_split_is_the_mean_of_the_answers_that_said_it() -> None:
    """Client, queue, database and the rest of the server add up to what the buyer saw."""
    timed = replace(
        CELLS[0], timed_count=4, timed_ms=40.0, server_ms=28.0, queue_ms=4.0, db_ms=16.0
    )

    found = summary_of([timed, CELLS[1]]).total.split

    assert found == Split(timed_count=4, client_ms=3.0, queue_ms=1.0, db_ms=4.0, rest_ms=2.0)


def test_split_of_silent_answers_is_none() -> None:
    """A server that does not say it spent nothing: not known is not 0 ms."""
    assert summary_of(CELLS).total.split is None
