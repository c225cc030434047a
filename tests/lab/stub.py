"""A shop of its own process that answers after known delays and writes down what it did.

    python -m tests.lab.stub LOG '{"delay_s": 0.01}'

It prints its port, serves until its input ends, then writes one JSON line a request to LOG: method,
path, key, and when it had read the request and written the answer, by the monotonic clock, which is
one for all processes of a machine.
"""

import asyncio
import json
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Plan:
    """How long answers take: `delay_s`, every `slow_each`-th one `slow_s`; and one stall."""

    delay_s: float = 0.0
    slow_each: int = 0
    slow_s: float = 0.0
    stall_at_s: float = 0.0  # from the first request on; whoever asks then waits for its end
    stall_s: float = 0.0
    cut_each: int = 0  # every so many-th answer ends half way, and so does its connection
    is_proxied: bool = False  # somebody in front adds a line of Server-Timing


@dataclass(frozen=True)
class Served:
    """One request as the stub saw it; times in seconds of the monotonic clock."""

    method: str
    path: str
    key: str
    read_at: float
    answered_at: float

    @property
    def took_ms(self) -> float:
        """How long it truly took."""
        return (self.answered_at - self.read_at) * 1000


@dataclass
class Stub:
    """A running stub and, once it has ended, what it did."""

    target: str
    served: list[Served] = field(default_factory=list)


@contextmanager
def stub(folder: Path, **plan: Any) -> Iterator[Stub]:
    """Serve for the length of a block; `served` is filled when it ends."""
    log = folder / f"{uuid.uuid4().hex}.jsonl"
    command = [sys.executable, "-m", "tests.lab.stub", str(log), json.dumps(asdict(Plan(**plan)))]
    process = Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
        running = Stub(target=f"http://127.0.0.1:{process.stdout.readline().strip()}")
        yield running
    finally:
        process.stdin.close()
        process.wait(timeout=60)
        process.stdout.close()
    running.served = [Served(**json.loads(line)) for line in log.read_text().splitlines()]


class _Connection(asyncio.Protocol):
    """One client; it sends a request, waits for the answer, sends the next."""

    def __init__(self, shop: "_Shop") -> None:
        self._shop = shop
        self._buffer = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:])
        }
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        method, path, _ = lines[0].split(" ")
        self._shop.serve(self._transport, method, path, headers.get("idempotency-key", ""))


class _Shop:
    """Sells without end; the same key gets the same purchase."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._loop = asyncio.get_running_loop()
        self._first_at = 0.0
        self._count = 0
        self._sold: dict[str, str] = {}
        self.served: list[Served] = []

    def serve(self, transport: Any, method: str, path: str, key: str) -> None:
        now = self._loop.time()
        self._first_at = self._first_at or now
        self._count += 1
        delay_s = self._delay_s(now)
        if delay_s:
            self._loop.call_later(delay_s, self._answer, transport, method, path, key, now)
        else:
            self._answer(transport, method, path, key, now)

    def _delay_s(self, now: float) -> float:
        plan = self._plan
        since = now - self._first_at
        if plan.stall_at_s <= since < plan.stall_at_s + plan.stall_s:
            return plan.stall_at_s + plan.stall_s - since
        if plan.slow_each and self._count % plan.slow_each == 0:
            return plan.slow_s
        return plan.delay_s

    def _answer(self, transport: Any, method: str, path: str, key: str, read_at: float) -> None:
        status, body = self._said(method, path, key)
        took_ms = (self._loop.time() - read_at) * 1000
        text = json.dumps(body)
        in_front = "Server-Timing: cache;desc=MISS\r\n" if self._plan.is_proxied else ""
        answer = (
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{in_front}"
            f"Server-Timing: total;dur={took_ms:.3f}, db;dur={took_ms / 2:.3f}, "
            f"queue;dur={took_ms / 4:.3f}\r\n"
            f"Content-Length: {len(text)}\r\n\r\n{text}".encode()
        )
        if self._plan.cut_each and self._count % self._plan.cut_each == 0:
            transport.write(answer[:-1])
            transport.close()
        else:
            transport.write(answer)
        self.served.append(Served(method, path, key, read_at, self._loop.time()))

    def _said(self, method: str, path: str, key: str) -> tuple[int, dict[str, Any]]:
        if method == "GET":
            return 200, {"vacancy": 1, "qty": 5}
        if path.endswith("/purchase"):
            return 200, {"success": True, "remaining": 5, "message": "Purchased 1."}
        if path.endswith("/cancel") or method == "DELETE":
            return 200, {}
        return 201, {"id": self._sold.setdefault(key, uuid.uuid4().hex)}


async def _serve(plan: Plan) -> list[Served]:
    shop = _Shop(plan)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(shop), "127.0.0.1", 0, backlog=1000)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()
    return shop.served


if __name__ == "__main__":
    done = asyncio.run(_serve(Plan(**json.loads(sys.argv[2]))))
    Path(sys.argv[1]).write_text("".join(json.dumps(asdict(one)) + "\n" for one in done))
