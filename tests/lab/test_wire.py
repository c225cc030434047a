"""The lines between load generator and supervisor."""

import json
from typing import Any, get_args

import pytest

from loadlab import wire
from loadlab.models import Sample

SERIES = wire.Series("POST /purchase", "bought", 3, 12.5, "HISTFAAA")
HELLO = wire.Hello(at=1_777_000_000.25, pid=4711, generator="locust 2.47.0")
SECOND = wire.Second(7, 1_777_000_008.25, 8.0, 100, 3, 12.5, 0.4, 0, [SERIES])
FINAL = wire.Final(60.2, 1000, 998, {"POST /purchase": 2}, 1, 0)


def said(line: wire.Line, **changes: Any) -> bytes:
    """Encode a line with some fields changed."""
    return json.dumps({**json.loads(wire.encode(line)), **changes}).encode()


def without(line: wire.Line, name: str) -> bytes:
    """Encode a line that lacks one field."""
    whole = json.loads(wire.encode(line))
    del whole[name]
    return json.dumps(whole).encode()


def series(**changes: Any) -> bytes:
    """Encode a second whose only series has some fields changed."""
    return said(SECOND, series=[{**json.loads(wire.encode(SECOND))["series"][0], **changes}])


class TestGoodLine:
    """What was said is what is heard."""

    @pytest.mark.parametrize("line", [HELLO, SECOND, FINAL], ids=lambda line: type(line).__name__)
    def test_comes_back_as_it_was(self, line: wire.Line) -> None:
        """Encoding and decoding change nothing."""
        assert wire.decode(wire.encode(line)) == line

    @pytest.mark.parametrize("line", [HELLO, SECOND, FINAL], ids=lambda line: type(line).__name__)
    def test_is_one_line(self, line: wire.Line) -> None:
        """The reader splits at newlines, so there is one, at the end."""
        raw = wire.encode(line)

        assert raw.count(b"\n") == 1
        assert raw.endswith(b"\n")

    def test_keeps_a_newline_inside_a_name(self) -> None:
        """A strange request name does not break the protocol."""
        odd = wire.Second(0, 1.0, 1.0, 1, 0, 0.0, 0.0, 0, [wire.Series("a\nb", "read", 1, 1.0, "")])

        raw = wire.encode(odd)

        assert raw.count(b"\n") == 1
        assert wire.decode(raw) == odd

    def test_may_have_whole_numbers_for_measures(self) -> None:
        """JSON writers may drop a trailing .0."""
        assert wire.decode(said(SECOND, cpu_pct=12)) == wire.decode(said(SECOND, cpu_pct=12.0))

    @pytest.mark.parametrize("outcome", wire.OUTCOMES)
    def test_may_have_every_outcome(self, outcome: str) -> None:
        """All outcomes that are defined pass."""
        line = wire.decode(series(outcome=outcome))

        assert isinstance(line, wire.Second)
        assert line.series[0].outcome == outcome


class TestGarbage:
    """Whatever is not a line of ours is refused with one kind of error."""

    @pytest.mark.parametrize(
        "raw",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"Starting Locust 2.47.0", id="text"),
            pytest.param(b"\xff\xfe\x00", id="not UTF-8"),
            pytest.param(b'{"kind": "hello", "at": 1.0', id="cut off"),
            pytest.param(b"[]", id="a list"),
            pytest.param(b"7", id="a number"),
            pytest.param(b"null", id="null"),
            pytest.param(b"{}", id="no kind"),
            pytest.param(b'{"kind": "bye"}', id="unknown kind"),
            pytest.param(b'{"kind": []}', id="kind is a list"),
            pytest.param(b'{"kind": null}', id="kind is null"),
            pytest.param(b"[" * 100_000, id="too deep"),
            pytest.param(without(HELLO, "at"), id="field missing"),
            pytest.param(said(HELLO, extra=1), id="field too many"),
            pytest.param(said(HELLO, series=[]), id="field of another kind"),
        ],
    )
    def test_of_another_shape_is_refused(self, raw: bytes) -> None:
        """Not JSON, not an object, not a known kind, not its fields."""
        with pytest.raises(wire.WireError):
            wire.decode(raw)

    @pytest.mark.parametrize(
        "raw",
        [
            pytest.param(said(HELLO, at="noon"), id="text for a time"),
            pytest.param(said(HELLO, at=None), id="no time"),
            pytest.param(said(HELLO, at=1e300), id="a time beyond all calendars"),
            pytest.param(said(HELLO, generator=1), id="number for a text"),
            pytest.param(said(SECOND, seq=1.5), id="half a second"),
            pytest.param(said(SECOND, seq=-1), id="second below 0"),
            pytest.param(said(SECOND, seq=True), id="truth for a number"),
            pytest.param(said(SECOND, seq=2**40), id="more than a column takes"),
            pytest.param(said(SECOND, cpu_pct=float("nan")), id="NaN"),
            pytest.param(said(SECOND, lag_ms=float("inf")), id="infinity"),
            pytest.param(said(SECOND, series=None), id="no series"),
            pytest.param(said(SECOND, series=["bought"]), id="a text for a series"),
            pytest.param(said(FINAL, unknown=[]), id="a list for a dictionary"),
            pytest.param(said(FINAL, unknown={"GET /": "two"}), id="text for a count"),
        ],
    )
    def test_of_another_type_is_refused(self, raw: bytes) -> None:
        """A value that would break something later is stopped here."""
        with pytest.raises(wire.WireError):
            wire.decode(raw)

    @pytest.mark.parametrize(
        "raw",
        [
            pytest.param(series(outcome="success"), id="unknown outcome"),
            pytest.param(series(outcome=""), id="empty outcome"),
            pytest.param(series(count=0), id="empty"),
            pytest.param(series(count=-1), id="count below 0"),
            pytest.param(series(count="3"), id="text for a count"),
            pytest.param(series(name=None), id="no name"),
            pytest.param(series(sum_ms=float("nan")), id="NaN"),
            pytest.param(series(histogram=7), id="number for a histogram"),
        ],
    )
    def test_series_is_refused(self, raw: bytes) -> None:
        """A second is as good as each of its series."""
        with pytest.raises(wire.WireError):
            wire.decode(raw)

    def test_is_quoted_in_part(self) -> None:
        """The message shows what came, but not a megabyte of it."""
        with pytest.raises(wire.WireError, match="Traceback") as caught:
            wire.decode(b"Traceback " + b"x" * 10_000)

        assert len(str(caught.value)) < 200


def test_other_version_is_refused_by_number() -> None:
    """A generator of another release says so, and both numbers are named."""
    with pytest.raises(wire.WireError, match=f"version 99, this is {wire.VERSION}"):
        wire.decode(said(HELLO, version=99))


def test_each_line_has_a_kind() -> None:
    """A new line cannot be forgotten in the reader's table."""
    assert set(wire.KINDS.values()) == set(get_args(wire.Line))


def test_outcomes_are_those_the_database_takes() -> None:
    """What passes the wire can be stored."""
    known = next(c for c in Sample._meta.constraints if c.name == "sample_outcome_known")

    assert set(wire.OUTCOMES) == set(known.condition.children[0][1])  # type: ignore[attr-defined]
