"""Whether the database agrees with itself and with what buyers were told. Pure functions."""

from collections.abc import Iterator

from loadlab.sentence import Sentence, gettext_noop
from loadlab.summary import Stock, Summary
from loadlab.verdict import Verdict


def integrity(*, summary: Summary, all_told: bool, sabotage: str = "") -> Verdict:
    """Judge the database; one violation fails the run whatever its latency.

    Unless the generator told all it did, more purchases than it reported prove nothing.
    `sabotage` names what was broken on purpose, which is then said.
    """
    stock = summary.stock
    if stock is None:
        unread = Sentence(gettext_noop("The rehearsal stock could not be read afterwards."))
        return Verdict("integrity", "inconclusive", (unread,))
    detail = tuple(_detail(stock, sabotage))
    violations = tuple(_violations(stock, all_told=all_told))
    if violations:
        return Verdict("integrity", "fail", violations, detail)
    finding = Sentence(
        gettext_noop("%(sold)s of %(capacity)s sold, none twice."),
        {"sold": stock.sold, "capacity": stock.capacity},
    )
    return Verdict("integrity", "pass", (finding,), detail)


def _detail(stock: Stock, sabotage: str) -> Iterator[Sentence]:
    yield Sentence(
        gettext_noop(
            "%(bought)s buyers were told yes, %(refused)s no; the database has %(places)s places "
            "in %(purchases)s purchases with %(tickets)s tickets."
        ),
        {
            "bought": stock.bought_seen,
            "refused": stock.refused_seen,
            "places": stock.purchased_qty,
            "purchases": stock.purchase_count,
            "tickets": stock.ticket_count,
        },
    )
    if stock.cancelled_seen:
        yield Sentence(
            gettext_noop("Of those who were told yes, %(count)s cancelled."),
            {"count": stock.cancelled_seen},
        )
    if stock.unknown_seen:
        yield Sentence(
            gettext_noop(
                "Of %(unknown)s requests without an answer, %(found)s had bought, by their "
                "idempotency keys."
            ),
            {"unknown": stock.unknown_seen, "found": stock.unknown_bought},
        )
    if sabotage:
        yield Sentence(
            gettext_noop("This stock was broken on purpose (%(how)s): the check had to find it."),
            {"how": sabotage},
        )


def _violations(stock: Stock, *, all_told: bool) -> Iterator[Sentence]:
    """Compare counters, rows and answers."""
    yield from _of_counters(stock)
    yield from _of_answers(stock, all_told=all_told)
    for sentence in stock.drift:
        yield Sentence(gettext_noop("The audit found: %(drift)s."), {"drift": sentence.rstrip(".")})


def _of_counters(stock: Stock) -> Iterator[Sentence]:
    most = max(stock.sold, stock.purchased_qty)
    if most > stock.capacity:
        yield Sentence(
            gettext_noop("Oversold: %(sold)s of %(capacity)s."),
            {"sold": most, "capacity": stock.capacity},
        )
    if stock.available + stock.held + stock.sold != stock.capacity:
        yield Sentence(gettext_noop("The counters do not add up to the capacity."))
    if not stock.sold == stock.purchased_qty == stock.ticket_count:
        yield Sentence(
            gettext_noop(
                "Counter, purchases and tickets differ: %(sold)s, %(places)s, %(tickets)s."
            ),
            {
                "sold": stock.sold,
                "places": stock.purchased_qty,
                "tickets": stock.ticket_count,
            },
        )


def _of_answers(stock: Stock, *, all_told: bool) -> Iterator[Sentence]:
    """An unknown request may or may not have bought, unless its key tells."""
    told = stock.bought_seen + stock.unknown_bought - stock.cancelled_seen
    least = told - stock.maybe_cancelled
    most = told + stock.unknown_unresolved if all_told else stock.purchase_count
    if not least <= stock.purchase_count <= most:
        yield Sentence(
            gettext_noop("%(bought)s purchases were acknowledged, the database has %(purchases)s."),
            {"bought": told, "purchases": stock.purchase_count},
        )
    if stock.sold_out_seen and stock.available and not stock.gave_back:
        yield Sentence(
            gettext_noop("%(count)s buyers were told sold out, yet %(available)s places are left."),
            {"count": stock.sold_out_seen, "available": stock.available},
        )
