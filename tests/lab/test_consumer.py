"""The run page's websocket: who gets in, and what they are told."""

from datetime import UTC, datetime
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User

from loadlab import consumers, live, percentiles, series, services, wire
from loadlab.consumers import RunConsumer
from loadlab.live import TICKER, Ticker, group_name
from loadlab.models import Run
from loadlab.sentence import Sentence
from tests.sockets import ORIGIN, PATIENCE_S, is_let_in, next_message, session_of, socket

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
LONGER_THAN_THE_LAYER_WAITS_S = 6.0


@pytest.fixture
def run(db: None) -> Run:
    """A run that has started."""
    run = services.run_request(
        scenario="baseline",
        values={"user_count": 10, "think_time_s": 0.5, "duration_s": 60, "capacity": 100},
        requested_by=None,
        now=NOW,
        claim_for="tests",
    )
    services.run_begin(run_id=run.pk, worker="tests", at=NOW)
    return run


def store_second(
    run: Run, seq: int, *, bought: int = 3, server_cpu_pct: float | None = None
) -> None:
    """Store one second in which some bought."""
    histogram = percentiles.new_histogram()
    for _ in range(bought):
        percentiles.record(histogram, 5.0)
    series = wire.Series(
        "POST /purchase", "bought", bought, 5.0 * bought, percentiles.encode(histogram)
    )
    second = wire.Second(seq, NOW.timestamp(), seq + 1.0, 10, 0, 5.0, 0.1, 0, [series])
    services.second_record(
        run_id=run.pk, second=second, ended_at=NOW, server_cpu_pct=server_cpu_pct
    )


def run_socket(
    run_id: int, cookie: str, *, origin: str = ORIGIN, query: str = ""
) -> WebsocketCommunicator:
    """Prepare the websocket of a run's page."""
    return socket(f"/ws/runs/{run_id}/{query}", cookie, origin=origin)


def times(message: dict[str, Any]) -> list[float]:
    """Return when the seconds in a message ended; each second of the run has its own."""
    points = message["points"]
    return points["columns"]["t"] if points else []


async def _break(self: RunConsumer) -> bool:
    raise RuntimeError("broken on purpose")


async def _say_nothing(self: Ticker, run_id: int, seen: live._Seen) -> None:
    """Note what is new, as if the channel layer had dropped the message."""
    pulse = await database_sync_to_async(series.pulse)(run_id=run_id)
    assert pulse is not None
    seen.pulse = pulse


class TestDoor:
    """Who gets in."""

    async def test_stranger_is_refused(self, run: Run) -> None:
        """Nobody without a session."""
        assert not await is_let_in(run_socket(run.pk, ""))

    async def test_plain_user_is_refused(self, run: Run, plain_user: User) -> None:
        """Nobody who is not staff."""
        cookie = await database_sync_to_async(session_of)(plain_user)

        assert not await is_let_in(run_socket(run.pk, cookie))

    async def test_staff_without_the_permission_is_refused(self, run: Run) -> None:
        """Nobody who may not see runs."""
        user = await User.objects.acreate_user("clerk", is_staff=True)
        cookie = await database_sync_to_async(session_of)(user)

        assert not await is_let_in(run_socket(run.pk, cookie))

    async def test_viewer_is_let_in(self, run: Run, viewer: User) -> None:
        """Whoever may see runs may watch one."""
        cookie = await database_sync_to_async(session_of)(viewer)

        assert await is_let_in(run_socket(run.pk, cookie))

    async def test_other_site_is_refused(self, run: Run, operator: User) -> None:
        """A page of another origin gets nothing, whoever looks at it."""
        cookie = await database_sync_to_async(session_of)(operator)

        assert not await is_let_in(run_socket(run.pk, cookie, origin="http://evil.example"))

    async def test_forged_session_is_refused(self, run: Run) -> None:
        """A cookie that we did not make is nobody."""
        assert not await is_let_in(run_socket(run.pk, "sessionid=abcdefghijklmnopqrstuvwxyz012345"))

    async def test_unknown_run_is_closed(self, operator: User) -> None:
        """There is nothing to watch."""
        cookie = await database_sync_to_async(session_of)(operator)
        communicator = run_socket(4711, cookie)

        await communicator.connect(timeout=PATIENCE_S)
        output = await communicator.receive_output(timeout=PATIENCE_S)

        assert (output["type"], output["code"]) == ("websocket.close", consumers.CLOSE_NOT_FOUND)


class TestNews:
    """What a watcher is told."""

    async def test_snapshot_comes_first(self, run: Run, operator: User) -> None:
        """Everything there is, in order."""
        for seq in range(3):
            await database_sync_to_async(store_second)(run, seq)
        communicator = await self.watch(run, operator)

        snapshot = await next_message(communicator)

        assert snapshot["type"] == "snapshot"
        assert times(snapshot) == [1, 2, 3]
        assert snapshot["points"]["columns"]["bought"] == [3, 3, 3]
        await communicator.disconnect()

    async def test_resuming_tells_only_what_was_missed(self, run: Run, operator: User) -> None:
        """After a break, nothing twice and nothing lost."""
        for seq in range(3):
            await database_sync_to_async(store_second)(run, seq)
        communicator = await self.watch(run, operator, query="?after=1")

        snapshot = await next_message(communicator)

        assert times(snapshot) == [3]
        await communicator.disconnect()

    @pytest.mark.parametrize(
        "nonsense", ["?after=x", "?after=%C2%B2", "?after=", "?after=-5", "?after=" + "9" * 99]
    )
    async def test_nonsense_in_the_query_means_everything(
        self, run: Run, operator: User, nonsense: str
    ) -> None:
        """A wrong number is no reason to fail."""
        await database_sync_to_async(store_second)(run, 0)
        communicator = await self.watch(run, operator, query=nonsense)

        snapshot = await next_message(communicator)

        assert times(snapshot) == [1]
        await communicator.disconnect()

    async def test_new_second_is_passed_on_once(self, run: Run, operator: User) -> None:
        """Stored by whatever process, told to whoever watches."""
        communicator = await self.watch(run, operator)
        await next_message(communicator)
        for seq in range(2):
            await database_sync_to_async(store_second)(run, seq)

        seen: list[float] = []
        while len(seen) < 2:
            seen += times(await next_message(communicator))

        assert seen == [1, 2]
        await communicator.disconnect()

    @pytest.mark.parametrize("pct", [140.5, None])
    async def test_second_says_what_the_server_took(
        self, run: Run, operator: User, pct: float | None
    ) -> None:
        """Or that nobody knows."""
        communicator = await self.watch(run, operator)
        await next_message(communicator)
        await database_sync_to_async(store_second)(run, 0, server_cpu_pct=pct)

        news = await next_message(communicator)

        assert news["points"]["columns"]["server_cpu"] == [pct]
        await communicator.disconnect()

    async def test_end_of_the_run_is_told(self, run: Run, operator: User) -> None:
        """The last thing a page hears is how it ended."""
        communicator = await self.watch(run, operator)
        await next_message(communicator)
        await database_sync_to_async(self.end)(run)

        while (message := await next_message(communicator))["run"]["active"]:
            continue

        assert message["run"]["reason"] == "The child died."
        await communicator.disconnect()

    async def test_lost_message_leaves_no_hole(self, run: Run, operator: User) -> None:
        """A channel layer may drop messages: the consumer reads what it missed itself."""
        communicator = await self.watch(run, operator)
        await next_message(communicator)
        for seq in range(3):
            await database_sync_to_async(store_second)(run, seq)

        seen: list[float] = []
        # As if the ticker's first two messages had been lost.
        await self.tell(run, only=2)
        while len(seen) < 3:
            seen += times(await next_message(communicator))

        assert seen == [1, 2, 3]
        await communicator.disconnect()

    async def test_quiet_socket_stays_open(self, run: Run, operator: User) -> None:
        """Seconds without news, as while a run waits for a worker, break nothing."""
        communicator = await self.watch(run, operator)
        await next_message(communicator)

        assert await communicator.receive_nothing(timeout=LONGER_THAN_THE_LAYER_WAITS_S)

        await database_sync_to_async(store_second)(run, 0)
        assert (await next_message(communicator))["type"] == "news"
        await communicator.disconnect()

    async def test_watcher_whose_session_ended_is_sent_away(
        self, run: Run, operator: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The session is asked again while the socket lives."""
        monkeypatch.setattr(consumers, "RECHECK_S", 0.0)
        communicator = await self.watch(run, operator)
        await next_message(communicator)
        await database_sync_to_async(self.log_out_everywhere)()
        await database_sync_to_async(store_second)(run, 0)

        output = await communicator.receive_output(timeout=PATIENCE_S)

        assert (output["type"], output["code"]) == ("websocket.close", consumers.CLOSE_NOT_ALLOWED)
        await communicator.wait()

    async def test_quiet_watcher_whose_session_ended_is_sent_away(
        self, run: Run, operator: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing happens in the run, and the session is asked again all the same."""
        monkeypatch.setattr(consumers, "RECHECK_S", 0.0)
        monkeypatch.setattr(live, "PULSE_S", 0.0)
        communicator = await self.watch(run, operator)
        await next_message(communicator)
        await database_sync_to_async(self.log_out_everywhere)()

        output = await communicator.receive_output(timeout=PATIENCE_S)

        assert (output["type"], output["code"]) == ("websocket.close", consumers.CLOSE_NOT_ALLOWED)
        await communicator.wait()

    async def test_watcher_who_may_no_longer_see_runs_is_sent_away(
        self, run: Run, viewer: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A permission that was taken away ends the socket, although the session is good."""
        monkeypatch.setattr(consumers, "RECHECK_S", 0.0)
        monkeypatch.setattr(live, "PULSE_S", 0.0)
        communicator = await self.watch(run, viewer)
        await next_message(communicator)
        await viewer.user_permissions.aclear()

        output = await communicator.receive_output(timeout=PATIENCE_S)

        assert (output["type"], output["code"]) == ("websocket.close", consumers.CLOSE_NOT_ALLOWED)
        await communicator.wait()

    async def test_lost_farewell_is_made_up_for(
        self, run: Run, operator: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """When the news of the end was dropped, the next pulse shows that something is missing."""
        monkeypatch.setattr(live, "PULSE_S", 0.0)
        monkeypatch.setattr(Ticker, "_tell_news", _say_nothing)
        communicator = await self.watch(run, operator)
        await next_message(communicator)
        await database_sync_to_async(self.end)(run)

        message = await next_message(communicator)

        assert (message["type"], message["run"]["state"]) == ("snapshot", "failed")
        await communicator.disconnect()

    async def test_verdicts_come_in_the_readers_language(self, run: Run, operator: User) -> None:
        """As the page itself, by the browser's wish: no middleware does it for a socket."""
        sentence = {"text": "Stop", "params": {}}
        verdict = {"kind": "validity", "outcome": "pass", "label": "Yes"}
        stored = [verdict | {"finding_sentences": [sentence], "detail_sentences": []}]
        await Run.objects.filter(pk=run.pk).aupdate(verdicts=stored)
        cookie = await database_sync_to_async(session_of)(operator)
        communicator = run_socket(run.pk, f"{cookie}; django_language=pt-br")
        await communicator.connect(timeout=PATIENCE_S)

        told = (await next_message(communicator))["run"]["verdicts"]

        assert [one["label"] for one in told] == ["Sim"]
        assert "finding_sentences" not in told[0]
        await communicator.disconnect()

    async def test_second_tells_only_what_changes_each_second(
        self, run: Run, operator: User
    ) -> None:
        """Settings and environment came with the snapshot, and are not sent sixty times."""
        communicator = await self.watch(run, operator)
        await next_message(communicator)
        await database_sync_to_async(store_second)(run, 0)

        message = await next_message(communicator)

        assert message["run"].keys() == {"id", "state", "active", "elapsed_s", "stock"}
        await communicator.disconnect()

    async def test_ticker_rests_when_nobody_watches(self, run: Run, operator: User) -> None:
        """No reading from the database for an empty room."""
        communicator = await self.watch(run, operator)
        await next_message(communicator)
        task = TICKER._task

        await communicator.disconnect()

        assert task is not None
        await task

    async def test_watcher_that_breaks_is_not_counted_any_more(
        self, run: Run, operator: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An error while passing news on ends that socket, and its share in the ticker."""
        communicator = await self.watch(run, operator)
        await next_message(communicator)
        task = TICKER._task
        monkeypatch.setattr(RunConsumer, "_still_allowed", _break)

        with pytest.raises(RuntimeError, match="broken on purpose"):
            await communicator.wait(timeout=PATIENCE_S)  # not for output: none will come

        assert task is not None
        await task

    @staticmethod
    def end(run: Run) -> None:
        """End the run with a reason."""
        services.run_end(
            run_id=run.pk,
            worker="tests",
            state=Run.State.FAILED,
            reason=Sentence("The child died."),
            summary=None,
            verdicts=None,
            now=NOW,
        )

    @staticmethod
    async def watch(run: Run, user: User, query: str = "") -> WebsocketCommunicator:
        """Open a socket as this user."""
        cookie = await database_sync_to_async(session_of)(user)
        communicator = run_socket(run.pk, cookie, query=query)
        connected, _ = await communicator.connect(timeout=PATIENCE_S)
        assert connected
        return communicator

    @staticmethod
    async def tell(run: Run, *, only: int) -> None:
        """Send one second to the group, as the ticker would."""
        from channels.layers import get_channel_layer

        news = await database_sync_to_async(series.snapshot)(run_id=run.pk, after=only - 1)
        assert news is not None
        layer = get_channel_layer()
        assert layer is not None
        message = {**news, "type": "news"}
        await layer.group_send(group_name(run.pk), {"type": "run.news", "message": message})

    @staticmethod
    def log_out_everywhere() -> None:
        """Delete all sessions."""
        from django.contrib.sessions.models import Session

        Session.objects.all().delete()
