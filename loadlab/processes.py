"""Which processes of this machine serve an address, and what is below a process."""

import os
from collections.abc import Collection
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psutil

PROC = Path("/proc")
LISTEN = "0A"  # a state of the kernel's, in hexadecimal
EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared with, never bound
# What psutil raises when a process ends meanwhile or is hidden, and of lines that are not as usual.
TROUBLES = (psutil.Error, OSError, RuntimeError)


def is_here(addresses: Collection[str]) -> bool:
    """Say whether one of these addresses belongs to this machine, as far as it knows itself."""
    if any(ip_address(one).is_loopback for one in addresses):
        return True
    cards = psutil.net_if_addrs().values()
    own = {entry.address.partition("%")[0] for card in cards for entry in card}
    return not own.isdisjoint(addresses)


def family(pid: int) -> list[int]:
    """Return a process and everything below it; where the system does not say, the process alone.

    Read from the processes themselves: the cost grows with them, not with the machine.
    """
    found = [pid]
    for one in found:  # grows while it is walked
        for children in (PROC / str(one) / "task").glob("*/children"):
            with suppress(OSError):  # it has ended meanwhile
                found += map(int, children.read_text().split())
    return found


def listening_sockets(port: int) -> frozenset[str]:
    """Return the numbers (inodes) of the sockets that listen on a port, on whatever address.

    Cheap, however many connections there are: the kernel promises to list these first
    (Documentation/networking/proc_net_tcp.rst). Whose they are is the dear question.
    """
    found = set()
    for name in ("tcp", "tcp6"):
        with suppress(OSError, ValueError, IndexError), (PROC / "net" / name).open() as lines:
            next(lines, None)  # the headings
            for line in lines:
                _number, local, _remote, state, *_rest = fields = line.split()
                if state != LISTEN:
                    break
                if int(local.rpartition(":")[2], 16) == port:
                    found.add(fields[9])
    return frozenset(found)


def listeners(*, addresses: Collection[str], port: int) -> list[psutil.Process]:
    """Return who listens there: of a server with several processes the one above the others.

    Looks at every process of the machine, which takes a tenth of a millisecond each. Empty as
    well if the system does not tell whose socket it is: it tells root, and the owner.
    """
    wanted = {(address, port) for address in EVERY_ADDRESS.union(addresses)}
    ours = set(_with_parents(os.getpid()))
    with suppress(*TROUBLES):
        found = {one.pid for one in psutil.net_connections("tcp") if _listens(one, wanted)}
        # Below us and those above us are the generator and who knows what else: no server.
        heads = {_topmost(pid, wanted) for pid in found - ours if pid} - ours
        return [psutil.Process(pid) for pid in sorted(heads)]
    return []


def _listens(connection: Any, wanted: Collection[tuple[str, int]]) -> bool:
    # Any: psutil has two types, for the connections of one process and for those of all.
    return connection.status == psutil.CONN_LISTEN and connection.laddr in wanted


def _topmost(pid: int, wanted: Collection[tuple[str, int]]) -> int:
    """Climb to the first process that holds the socket.

    It may have handed it to its workers, and then psutil names whichever of them came last.
    """
    found = pid
    for above in _with_parents(pid):
        with suppress(psutil.AccessDenied):
            if any(_listens(one, wanted) for one in psutil.Process(above).net_connections("tcp")):
                found = above
                continue
        break
    return found


def _with_parents(pid: int) -> list[int]:
    return [pid, *(one.pid for one in psutil.Process(pid).parents())]
