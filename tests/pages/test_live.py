"""The dashboard's websocket: who gets in, what they are told, and how little it costs."""

import json
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.db.models import F

from tests.pages.conftest import make_purchase, make_run, make_vacancy
from tests.sockets import PATIENCE_S, is_let_in, next_message, session_of, socket
from ticketsite import consumers, live, overview
from ticketsite.live import TICKER, Audience, Reading, _news, _Told
from vacancy.models import Vacancy
from vacancy.schemas import MAX_ID

pytestmark = pytest.mark.django_db(transaction=True)
DASHBOARD = "/ws/dashboard/"
WATCHERS = 200
in_thread = database_sync_to_async


async def watch(user: User, *, path: str = DASHBOARD, zone: str = "") -> Any:
    """Open a socket as this user."""
    cookie = await in_thread(session_of)(user)
    communicator = socket(path, cookie + (f"; ticketsite_zone={zone}" if zone else ""))
    connected, _ = await communicator.connect(timeout=PATIENCE_S)
    assert connected
    return communicator


async def news_with(communicator: Any, *, sold: int) -> dict[str, Any]:
    """Wait for the message that tells of so many places sold in all."""
    while (message := await next_message(communicator)).get("sections", {}).get("totals", {}).get(
        "sold"
    ) != sold:
        continue
    return message


def sell(vacancy: Vacancy, qty: int) -> None:
    """Move places as the till would."""
    Vacancy.objects.filter(pk=vacancy.pk).update(
        sold=F("sold") + qty, available=F("available") - qty
    )


def staff(*codenames: str) -> User:
    """Make somebody of the staff with these permissions."""
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


class TestDoor:
    async def test_stranger_is_refused(self):
        assert not await is_let_in(socket(DASHBOARD, ""))

    async def test_plain_user_is_refused(self, plain_user):
        assert not await is_let_in(socket(DASHBOARD, await in_thread(session_of)(plain_user)))

    async def test_staff_who_may_see_nothing_is_refused(self):
        user = await in_thread(staff)()

        assert not await is_let_in(socket(DASHBOARD, await in_thread(session_of)(user)))

    async def test_other_site_is_refused(self, operator):
        cookie = await in_thread(session_of)(operator)

        assert not await is_let_in(socket(DASHBOARD, cookie, origin="http://evil.example"))

    async def test_forged_session_is_refused(self):
        assert not await is_let_in(socket(DASHBOARD, "sessionid=abcdefghijklmnopqrstuvwxyz012345"))

    @pytest.mark.parametrize("path", ["/ws/vacancies/1/", "/ws/doors/1/"])
    async def test_other_live_pages_refuse_strangers_too(self, path):
        assert not await is_let_in(socket(path, ""))

    @pytest.mark.parametrize("kind", ["vacancies", "doors"])
    async def test_number_that_no_vacancy_can_have_is_refused(self, operator, kind):
        cookie = await in_thread(session_of)(operator)

        assert not await is_let_in(socket(f"/ws/{kind}/{MAX_ID + 1}/", cookie))

    async def test_address_that_is_none_is_refused(self):
        assert not await is_let_in(socket("/ws/nonsense/", ""))


class TestTelling:
    async def test_snapshot_comes_first_and_has_everything(self, operator):
        await in_thread(make_vacancy)(capacity=100, sold=30)
        communicator = await watch(operator)

        message = await next_message(communicator)

        assert message["type"] == "snapshot"
        assert set(message["sections"]) == {*overview.SECTIONS, "money"}
        assert message["sections"]["totals"]["sold"] == 30
        await communicator.disconnect()

    async def test_sale_is_told_with_what_changed_and_nothing_else(self, operator):
        vacancy = await in_thread(make_vacancy)(capacity=100)
        communicator = await watch(operator)
        await next_message(communicator)
        await in_thread(sell)(vacancy, 1)
        await news_with(communicator, sold=1)  # an audience's first news tells everything
        await in_thread(sell)(vacancy, 6)

        message = await news_with(communicator, sold=7)

        assert "stock" in message["sections"]
        assert "runs" not in message["sections"]
        await communicator.disconnect()

    async def test_nobody_is_told_what_they_may_not_open(self):
        await in_thread(make_purchase)(await in_thread(make_vacancy)())
        await in_thread(make_run)()
        communicator = await watch(await in_thread(staff)("view_vacancy"))

        message = await next_message(communicator)

        assert set(message["sections"]) == {"totals", "stock", "needs"}
        await communicator.disconnect()

    async def test_sentences_come_in_both_languages(self, operator):
        await in_thread(make_vacancy)(state="paused")
        communicator = await watch(operator)

        needs = (await next_message(communicator))["sections"]["needs"]

        assert set(needs) == {"en", "pt-br"}
        await communicator.disconnect()

    async def test_vacancy_page_hears_of_its_vacancy_alone(self, operator):
        vacancy = await in_thread(make_vacancy)(capacity=10)
        await in_thread(make_vacancy)()
        communicator = await watch(operator, path=f"/ws/vacancies/{vacancy.pk}/")

        sections = (await next_message(communicator))["sections"]

        assert list(sections) == [f"vacancy:{vacancy.pk}"]
        assert sections[f"vacancy:{vacancy.pk}"]["available"] == 10
        await communicator.disconnect()

    async def test_rehearsal_stock_has_no_live_page(self, operator):
        vacancy = await in_thread(make_vacancy)(is_rehearsal=True)
        communicator = await watch(operator, path=f"/ws/vacancies/{vacancy.pk}/")

        assert (await next_message(communicator))["sections"] == {}
        await communicator.disconnect()

    async def test_page_that_missed_news_is_told_everything(self, operator, monkeypatch):
        monkeypatch.setattr(live, "TICK_S", 60.0)  # nothing but what this test sends
        vacancy = await in_thread(make_vacancy)(capacity=100)
        communicator = await watch(operator)
        first = await next_message(communicator)
        await in_thread(sell)(vacancy, 7)
        TICKER.forget()
        await self.tell({"type": "dashboard.news", "after": 10**6, "number": 10**6, "text": "{}"})

        message = await next_message(communicator)
        while message["at"] == first["at"]:
            message = await next_message(communicator)

        assert message["sections"]["totals"]["sold"] == 7
        await communicator.disconnect()

    async def test_after_a_restart_the_first_message_has_what_happened_meanwhile(self, operator):
        vacancy = await in_thread(make_vacancy)(capacity=100)
        communicator = await watch(operator)
        await next_message(communicator)
        await communicator.disconnect()
        await in_thread(sell)(vacancy, 5)
        TICKER.forget()  # as a process that has just begun

        again = await watch(operator)

        assert (await next_message(again))["sections"]["totals"]["sold"] == 5
        await again.disconnect()

    @staticmethod
    async def tell(event: dict[str, Any]) -> None:
        """Send to every audience, as the ticker would."""
        from channels.layers import get_channel_layer

        layer = get_channel_layer()
        assert layer is not None
        for audience in list(TICKER._watchers):
            await layer.group_send(audience.group, event)


class TestSession:
    async def test_session_that_ended_is_sent_away(self, operator, monkeypatch):
        monkeypatch.setattr(consumers, "RECHECK_S", 0.0)
        vacancy = await in_thread(make_vacancy)(capacity=100)
        communicator = await watch(operator)
        await next_message(communicator)
        await in_thread(Session.objects.all().delete)()
        await in_thread(sell)(vacancy, 1)

        await self.expect_closed(communicator)

    async def test_permission_that_was_taken_away_is_noticed(self, monkeypatch):
        monkeypatch.setattr(consumers, "RECHECK_S", 0.0)
        vacancy = await in_thread(make_vacancy)(capacity=100)
        user = await in_thread(staff)("view_vacancy", "view_run")
        communicator = await watch(user)
        await next_message(communicator)
        await in_thread(user.user_permissions.clear)()
        await in_thread(sell)(vacancy, 1)

        await self.expect_closed(communicator)

    async def test_quiet_line_is_looked_after_too(self, operator, monkeypatch):
        monkeypatch.setattr(consumers, "RECHECK_S", 0.0)
        monkeypatch.setattr(live, "PULSE_S", 0.0)
        communicator = await watch(operator)
        await next_message(communicator)
        await in_thread(Session.objects.all().delete)()

        await self.expect_closed(communicator)

    @staticmethod
    async def expect_closed(communicator: Any) -> None:
        """Read what was on its way, then the end."""
        while (output := await communicator.receive_output(timeout=PATIENCE_S))["type"] != (
            "websocket.close"
        ):
            continue
        assert output["code"] == consumers.CLOSE_NOT_ALLOWED
        await communicator.wait()


class TestCost:
    async def test_two_hundred_watchers_share_one_read(self, operator, monkeypatch):
        reads = []
        read = overview.read

        def counted(**arguments):
            reads.append(arguments)
            return read(**arguments)

        monkeypatch.setattr(overview, "read", counted)
        monkeypatch.setattr(live, "TICK_S", 60.0)
        TICKER._readings._max_age_s = 60.0
        try:
            cookie = await in_thread(session_of)(operator)
            pages = [socket(DASHBOARD, cookie) for _ in range(WATCHERS)]
            for page in pages:
                assert await page.connect(timeout=PATIENCE_S) == (True, None)
            for page in pages:
                await next_message(page)
        finally:
            TICKER._readings._max_age_s = 0.2

        assert len(reads) == 1
        for page in pages:
            await page.disconnect()

    async def test_ticker_rests_when_nobody_watches(self, operator):
        communicator = await watch(operator)
        await next_message(communicator)
        task = TICKER._task

        await communicator.disconnect()

        assert task is not None
        await task


class TestNews:
    """What one tick tells one audience: pure, without a socket."""

    AUDIENCE = Audience(frozenset({"totals"}), False, "UTC")

    def reading(self, number, sold):
        from datetime import UTC, datetime

        at = datetime(2026, 5, 1, tzinfo=UTC)
        return Reading(number, at, {"totals": json.dumps({"sold": sold}), "runs": "[]"})

    def test_nothing_new_is_no_message(self):
        told = _Told()
        _news(self.AUDIENCE, told, self.reading(1, 5))

        assert _news(self.AUDIENCE, told, self.reading(2, 5)) is None

    def test_long_silence_is_broken_by_a_pulse(self, monkeypatch):
        told = _Told()
        _news(self.AUDIENCE, told, self.reading(1, 5))
        monkeypatch.setattr(live, "PULSE_S", 0.0)

        assert _news(self.AUDIENCE, told, self.reading(2, 5)) == {
            "type": "dashboard.pulse",
            "last": 1,
        }

    def test_message_names_the_one_before(self):
        told = _Told()
        _news(self.AUDIENCE, told, self.reading(1, 5))

        event = _news(self.AUDIENCE, told, self.reading(4, 6))

        assert event is not None
        assert (event["after"], event["number"]) == (1, 4)
        assert json.loads(event["text"])["sections"] == {"totals": {"sold": 6}}
