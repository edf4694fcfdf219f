"""Which hosts this process asks for: every look-up and connection, as Python's audit events show.

It imports nothing of ours, so that a process can run its text before anything else
(`tests/test_telemetry.py`).
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from ipaddress import ip_address

LOOKUPS = frozenset(
    {
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyaddr",
        "socket.getnameinfo",
    }
)
CONNECTIONS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
INTERNET = frozenset({socket.AF_INET, socket.AF_INET6})


def asked_host(event: str, arguments: tuple[object, ...]) -> str | None:
    """Return the host that an audit event (PEP 578) looks up or sends to; None for other events.

    Sockets between the processes of one machine (`AF_UNIX`) ask for no host. "" is this machine.
    """
    if event in LOOKUPS:
        address = arguments[0]
    elif (
        event in CONNECTIONS
        and isinstance(arguments[0], socket.socket)
        and arguments[0].family in INTERNET
    ):
        address = arguments[1]
    else:
        return None
    host = address[0] if isinstance(address, tuple) and address else address
    return host.decode("utf-8", "replace") if isinstance(host, bytes) else str(host or "")


def is_this_machine(host: str) -> bool:
    """Return whether a host is this machine by its name or number."""
    if host in ("", "localhost"):
        return True
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def record(note: Callable[[str], object], *, this_machine: bool = False) -> None:
    """Call `note` with every host that is asked for from now on; there is no way back.

    Args:
        note: Takes the host.
        this_machine: Whether this machine counts as a host.
    """

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        host = asked_host(event, arguments)
        if host is not None and (this_machine or not is_this_machine(host)):
            note(host)

    sys.addaudithook(hook)
