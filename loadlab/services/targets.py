"""Where load may go: to hosts on the list, and not by a name that leads somewhere private."""

import socket
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings

from loadlab.sentence import gettext_noop
from loadlab.services.errors import TargetNotAllowed

DEFAULT_PORTS = {"http": 80, "https": 443}


def target_check(target: str) -> None:
    """Refuse a target that is not on the list, compared by scheme, host and port.

    Raises:
        TargetNotAllowed: says what is allowed.
    """
    allowed = {urlsplit(entry)[:2] for entry in settings.LOADLAB_ALLOWED_TARGETS}
    if urlsplit(target)[:2] not in allowed:
        raise TargetNotAllowed(
            gettext_noop("Load may not go to %(target)s: LOADLAB_ALLOWED_TARGETS has %(allowed)s."),
            target=target,
            allowed=", ".join(settings.LOADLAB_ALLOWED_TARGETS),
        )


def target_resolve(target: str) -> list[str]:
    """Return the addresses that the target's name leads to, all of them allowed.

    An address that is on the list as it is needs nothing more. A name may lead to public
    addresses, and to private ones only inside LOADLAB_ALLOWED_NETWORKS: whoever controls the
    name's zone must not be able to point load at a neighbor.

    Raises:
        TargetNotAllowed: it leads somewhere private, or nowhere.
    """
    target_check(target)
    host = urlsplit(target).hostname or ""
    if _is_address(host):
        return [host]
    try:
        found = socket.getaddrinfo(host, target_port(target), type=socket.SOCK_STREAM)
    except OSError as error:
        text = gettext_noop("The name %(host)s leads nowhere: %(error)s.")
        raise TargetNotAllowed(text, host=host, error=str(error.strerror)) from None
    addresses = sorted({str(entry[4][0]).partition("%")[0] for entry in found})
    for address in addresses:
        _check_address(host, address)
    return addresses


def target_port(target: str) -> int:
    """Return the port that the target is asked at, named or not."""
    parts = urlsplit(target)
    return parts.port or DEFAULT_PORTS.get(parts.scheme, 80)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _check_address(host: str, text: str) -> None:
    address = ip_address(text)
    networks = [ip_network(entry) for entry in settings.LOADLAB_ALLOWED_NETWORKS]
    if not address.is_global and not any(address in network for network in networks):
        raise TargetNotAllowed(
            gettext_noop(
                "Load may not go to %(host)s: it leads to %(address)s, which is private and in "
                "none of LOADLAB_ALLOWED_NETWORKS (%(allowed)s)."
            ),
            host=host,
            address=text,
            allowed=", ".join(settings.LOADLAB_ALLOWED_NETWORKS),
        )
