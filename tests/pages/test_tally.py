"""Purchase attempts by minute: counted for real stock, written down by themselves."""

from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import async_to_sync

from tests.conftest import Api, make_vacancy
from tickets import tally
from tickets.models import AttemptMinute
from tickets.services import key_create
from tickets.tally import ATTEMPTS, add, outcome_of
from vacancy.lanes import LaneFull
from vacancy.models import Vacancy
from vacancy.services import NotOnSale, SoldOut

MINUTE = 29_000_000
AT = datetime.fromtimestamp(MINUTE * 60, UTC)


def counted() -> dict[str, int]:
    """What this process has counted and not yet written, by outcome."""
    return {str(outcome): count for (_, outcome), count in ATTEMPTS._counts.items()}


def buy(api, vacancy, key, qty=1):
    return api(
        "POST",
        "/purchases",
        json={"vacancy": vacancy.pk, "qty": qty, "buyer": {}},
        headers={"Idempotency-Key": key},
    )


@pytest.mark.django_db(transaction=True)
class TestWhatIsCounted:
    def test_purchase_and_refusal_are_told_apart(self, api):
        vacancy = make_vacancy(capacity=2)

        buy(api, vacancy, "a", qty=2)
        buy(api, vacancy, "b")

        assert counted() == {"bought": 1, "sold_out": 1}

    def test_short_form_counts_too(self, api):
        make_vacancy(is_default=True)

        api("POST", "/purchase", json={"qty": 1})

        assert counted() == {"bought": 1}

    def test_rehearsal_does_not_count(self):
        vacancy = make_vacancy(is_rehearsal=True)
        _, secret = key_create(name="run", now=AT, vacancy_id=vacancy.pk)

        buy(Api(secret), vacancy, "a")

        assert Vacancy.objects.get().sold == 1
        assert counted() == {}

    def test_fault_of_ours_is_passed_on_and_counted(self):
        async def fail() -> None:
            raise LaneFull("The till queue is full.")

        with pytest.raises(LaneFull):
            async_to_sync(ATTEMPTS.watch)(fail(), client=None)

        assert counted() == {"fault": 1}


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (SoldOut.of(qty=1, available=0), "sold_out"),
        (NotOnSale("Paused."), "refused"),
        (LaneFull("Full."), "fault"),
        (RuntimeError("Broken."), "fault"),
    ],
)
def test_errors_have_outcomes(error, outcome):
    assert outcome_of(error) == outcome


@pytest.mark.django_db
class TestWriting:
    def test_two_processes_add_up(self):
        add({(MINUTE, "bought"): 3})
        add({(MINUTE, "bought"): 4, (MINUTE, "fault"): 1})

        rows = AttemptMinute.objects.values_list("minute", "outcome", "count")

        assert list(rows) == [(AT, "bought", 7), (AT, "fault", 1)]

    def test_old_minutes_go(self):
        add({(MINUTE, "bought"): 3})

        add({(MINUTE + 5, "bought"): 1}, prune_before=AT + timedelta(minutes=1))

        assert AttemptMinute.objects.get().count == 1


@pytest.mark.django_db(transaction=True)
class TestFlush:
    async def test_what_was_counted_is_written_once(self):
        ATTEMPTS.count("bought")

        await ATTEMPTS.flush()
        await ATTEMPTS.flush()

        assert (await AttemptMinute.objects.aget()).count == 1

    async def test_count_is_kept_when_it_cannot_be_written(self, monkeypatch):
        def fail(*_arguments, **_options):
            raise RuntimeError("no database")

        ATTEMPTS.count("bought")
        monkeypatch.setattr(tally, "add", fail)

        await ATTEMPTS.flush()

        assert counted() == {"bought": 1}
