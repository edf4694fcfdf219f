"""How much of the demo one client may take, so that a few cannot lock everybody else out.

A client is an address on the network; behind a trusted proxy, the one that the proxy names (uvicorn
reads `X-Forwarded-For` of the addresses in `FORWARDED_ALLOW_IPS`: this computer, and on a Space its
private networks). Who comes from this computer itself, with no proxy between, is its owner: only
the limits of a session apply.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.queueing import Event
from starlette.types import Scope

from apps.webcam.serving.bodies import BodyError

THIS_COMPUTER = "this computer"
SPACE_PROXIES = "127.0.0.1,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,fd00::/8"
"""Where the proxies of a Space are: value of `FORWARDED_ALLOW_IPS`."""
IPV6_NETWORK_BITS = 64
"""An IPv6 customer has a whole network."""


@dataclass(frozen=True)
class EventLimits:
    """Most events that wait or run at once, of one session or one client.

    Attributes:
        long: Live streams and videos, of each.
        short: All others together.
    """

    long: int
    short: int


SESSION_LIMITS = EventLimits(long=2, short=40)
"""Two streams: one starts while the one before still ends. `gradio_client` has 40 threads."""
CLIENT_LIMITS = EventLimits(long=4, short=40)
"""Half of the live streams: a household or a class shares an address."""

MAX_REQUESTS = 100
"""Requests of a client that are being answered; a page has two or three that stay open."""


def most_requests(client: str) -> float:
    """Return how many requests of a client may be answered at once."""
    return math.inf if client == THIS_COMPUTER else MAX_REQUESTS


def client_of(scope: Scope) -> str:
    """Return whom a request counts for: an address, or the network of an IPv6 address."""
    host = (scope.get("client") or ("",))[0]
    try:
        address = ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            network = ip_network((int(address), IPV6_NETWORK_BITS), strict=False)
            return THIS_COMPUTER if address.is_loopback else str(network)
        address = address.ipv4_mapped
    return THIS_COMPUTER if address.is_loopback else str(address)


def client_of_event(request: gr.Request) -> str:
    """Return whom an event counts for; `request` is what Gradio gives its listener."""
    return client_of(request.request.scope) if request.request else ""


def is_long(function: BlockFunction) -> bool:
    """Return whether an event of this function goes on for long: a live stream or a video."""
    return function.connection == "stream" or bool(function.types_generator)


def number_of(event: Event) -> int:
    """Return the number of an event's function, by which Gradio names its task."""
    return -1 if event.data is None or event.data.fn_index is None else event.data.fn_index


def check_room(
    events: Iterable[Event], function: BlockFunction, client: str, session: str | None
) -> None:
    """Refuse an event of a client or session that has enough of them.

    Args:
        events: Those that wait or run.
        function: That of the new event.
        client: See `client_of`.
        session: As the browser names it, if it does.

    Raises:
        BodyError: Too many (429).
    """
    kin = [event for event in events if is_long(event.fn) == is_long(function)]
    of_session = sum(event.session_hash == session for event in kin)
    of_client = sum(client_of(event.request.scope) == client for event in kin)
    for count, limits in ((of_session, SESSION_LIMITS), (of_client, CLIENT_LIMITS)):
        most = limits.long if is_long(function) else limits.short
        if count >= most and not (limits is CLIENT_LIMITS and client == THIS_COMPUTER):
            raise BodyError(
                429,
                f"Expected at most {most} live views, videos or images of one visitor at a time;"
                " try to close other windows of the demo, or wait.",
            )
