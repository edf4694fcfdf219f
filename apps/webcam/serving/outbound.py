"""Nothing leaves the demo: once it serves, this process can neither look up nor call another host.

Requests that name a remote file are refused before they reach Gradio. This is the second line: an
audit hook of Python (PEP 578) sees every look-up and connection of every library, whatever led to
it. The server accepts connections and makes none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from core.outbound import lookups


def forbid(note: Callable[[str], object] | None = None) -> None:
    """Make every look-up and outbound connection of this process fail; there is no way back.

    Args:
        note: Called first with the host, this machine included; None for nothing.
    """
    if note is not None:
        lookups.record(note, this_machine=True)  # hooks run in the order in which they are added
    sys.addaudithook(refuse)


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    """Raise if an audit event is a look-up or an internet connection.

    Raises:
        PermissionError: It is.
    """
    if lookups.asked_host(event, arguments) is not None:
        raise PermissionError("Expected no outbound connection: the demo makes none.")
