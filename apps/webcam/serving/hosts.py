"""Which names the demo answers to, so that no other site uses it through a visitor's browser.

A foreign site can make a browser send requests to the demo (cross-origin), or point a name of its
own at the demo's address (DNS rebinding). The first is recognised by the header `Origin`, the
second by `Host`. A site cannot forge either from within a browser.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
FORWARDED = frozenset({b"x-forwarded-host", b"x-gradio-server"})
"""Headers by which Gradio would build the addresses in its answers."""
SAME_SITE_VALUES = frozenset({"same-origin", "none"})
"""Values of `Sec-Fetch-Site` without another site behind them; `none` is the address bar."""


@dataclass(frozen=True)
class AllowedHosts:
    """The names that a request may carry.

    Attributes:
        names: Host names and addresses, in lower case.
        public_names: Those of them that a proxy may stand for, so that `Host` may be another.
        any_address: Also any IP address. What is reached by address was not reached by rebinding,
            which needs a name.
    """

    names: frozenset[str]
    public_names: frozenset[str] = frozenset()
    any_address: bool = False

    def admits(self, name: str | None) -> bool:
        """Return whether a request may name this host."""
        return name is not None and (name in self.names or (self.any_address and _is_address(name)))


def allowed_hosts(listen_on: str, extra: Iterable[str] = ()) -> AllowedHosts:
    """Return what the demo answers to.

    Args:
        listen_on: The address that it listens on. On loopback only loopback names are allowed;
            elsewhere also every IP address and this computer's name.
        extra: Further names, such as those of a Space or of a proxy.
    """
    listen_name = listen_on.strip("[]").lower()
    public = frozenset(name.strip().lower() for name in extra if name.strip())
    names = LOOPBACK_NAMES | public | {listen_name}
    if listen_name in LOOPBACK_NAMES:
        return AllowedHosts(names, public)
    computer = socket.gethostname().lower()
    return AllowedHosts(names | {computer, f"{computer}.local"}, public, any_address=True)


def space_names(environment: Mapping[str, str]) -> list[str]:
    """Return the names of a Hugging Face Space; with a domain of its own it has two."""
    if names := environment.get("SPACE_HOST"):
        return names.split(",")
    space = environment.get("SPACE_ID", "")
    return [f"{re.sub('[^a-z0-9]', '-', space.lower())}.hf.space"] if space else []


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _host_name(url: str) -> str | None:
    """Return the host of a URL in lower case; None if there is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises if it is no number
    except ValueError:
        return None
    return parts.hostname.rstrip(".") if parts.hostname else None


class HostMiddleware:
    """Refuse requests that come by another name or from another site, and all WebSockets.

    The demo has no WebSockets. Headers by which a proxy names the public host are passed on only if
    that host is allowed.
    """

    def __init__(self, app: ASGIApp, hosts: AllowedHosts) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        problem = self._problem(scope)
        if problem:
            await JSONResponse({"detail": problem}, 403)(scope, receive, send)
            return
        headers = [
            (key, value)
            for key, value in scope["headers"]
            if key not in FORWARDED or self._is_allowed_forward(value)
        ]
        await self.app({**scope, "headers": headers}, receive, send)

    def _is_allowed_forward(self, value: bytes) -> bool:
        first = value.decode("latin-1").split(",")[0].strip()
        return self.hosts.admits(_host_name(first if "://" in first else f"//{first}"))

    def _problem(self, scope: Scope) -> str | None:
        """Return why a request is refused, if it is."""
        values: dict[bytes, list[str]] = {}
        for key, value in scope["headers"]:
            values.setdefault(key, []).append(value.decode("latin-1"))
        hosts = values.get(b"host", [])
        if len(hosts) != 1 or not self.hosts.admits(_host_name(f"//{hosts[0]}")):
            return (
                "Expected a name that this demo answers to; try the address that it prints, or"
                " start it with --allow-host NAME."
            )
        foreign = "Expected a request from the demo's own page, got one from another site."
        for origin in values.get(b"origin", []):
            is_same = origin.partition("://")[2].lower() == hosts[0].lower()
            if not is_same and _host_name(origin) not in self.hosts.public_names:
                return foreign
        site = values.get(b"sec-fetch-site", ["none"])[-1]
        if scope["method"] not in ("GET", "HEAD") and site not in SAME_SITE_VALUES:
            return foreign if b"origin" not in values else None
        return None
