"""Nothing leaves the demo: once it serves, this process can neither look up nor call another host.

Requests that name a remote file are refused before they reach Gradio. This is the second line: an
audit hook of Python (PEP 578) sees every look-up and connection of every library, whatever led to
it. The server accepts connections and makes none.
"""

from __future__ import annotations

import socket
import sys

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


def forbid() -> None:
    """Make every look-up and outbound connection of this process fail; there is no way back."""
    sys.addaudithook(refuse)


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    """Raise if an audit event is a look-up or an internet connection.

    Sockets between the processes of one machine (`AF_UNIX`) are free.

    Raises:
        PermissionError: It is.
    """
    if event in LOOKUPS or (
        event in CONNECTIONS
        and isinstance(arguments[0], socket.socket)
        and arguments[0].family in INTERNET
    ):
        raise PermissionError("Expected no outbound connection: the demo makes none.")
