"""On the processors of a Ray cluster, by Ray Data: one actor for each processor.

Without an address a cluster of this machine alone is started and stopped again: it listens on the
loopback interface only, has no dashboard, and its files are removed. On the other machines of a
cluster the project, its environment, the model and the pictures have to be at the same paths.
Ray's usage statistics are turned off by `core.outbound.telemetry`.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

from core import system
from core.errors import UserError
from core.progress import say
from evaluation.engines import Item, Result

INSTALL = "python -m pip install -c constraints.txt 'ray[data]'"
CONNECT_SECONDS = 10
TOKEN_FILE = Path.home() / ".ray" / "auth_token"
"""Where `ray get-auth-token --generate` writes it."""
OBJECT_STORE_BYTES = 256 * 2**20
"""Memory of a cluster of this machine: names and predictions are under way, not pictures."""
QUEUED_ITEMS = 2
"""Items that an actor works on or has waiting: with more, the last ones would lie with one actor
while the others are idle.
"""
MAX_ADDRESS_LENGTH = 300
MAX_FOLDER_LENGTH = 24
"""The path of a socket has at most 103 bytes on some systems, of which Ray's names take 62."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A value or an error on its way to or from an actor; Ray Data does not look into it."""

    value: Any = None
    error: Exception | None = None


class RayActor:
    """Opens the function once in its process, and calls it for each item.

    Args:
        pickled: the function, as Ray sends functions: by its cloudpickle.
        versions: of the packages on the machine that asks.
    """

    def __init__(self, pickled: bytes, versions: Mapping[str, str]) -> None:
        self._pickled, self._versions = pickled, versions
        self._function: Callable[[Any], Any] | None = None

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row's index and the function's result, or its error."""
        try:
            if self._function is None:
                self._function = self._open()
            result = Sent(self._function(row["item"].value))
        except Exception as error:
            error.add_note(f"In an actor on {socket.gethostname()}:\n{traceback.format_exc()}")
            result = Sent(error=error)
        return {"index": row["index"], "result": result}

    def _open(self) -> Callable[[Any], Any]:
        from ray import cloudpickle

        here = system.versions(system.COMPUTING_PACKAGES)
        if different := [name for name in here if here[name] != self._versions[name]]:
            name = different[0]
            raise UserError(
                f"Expected {name} {self._versions[name]} on every machine, got {here[name]} on "
                f"{socket.gethostname()}; install the same constraints.txt."
            )
        function: Callable[[Any], Any] = cloudpickle.loads(self._pickled)
        return function


class RayCluster:
    """See `evaluation.engines.Engine`. The cluster is joined when there is something to do."""

    threads = 1

    def __init__(self, connect: Callable[[], None]) -> None:
        self._connect = connect

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[tuple[int, Result]]:
        """Yield the index of each item and the function's result, in the order they are ready.

        Raises:
            UserError: of the function; no cluster can be had; or it cannot go on.
        """
        rows = [{"index": index, "item": Sent(item)} for index, item in enumerate(items)]
        if not rows:
            return
        self._connect()
        import ray
        from ray import cloudpickle

        sent = cloudpickle.dumps(function), system.versions(system.COMPUTING_PACKAGES)
        processors = max(1, int(ray.cluster_resources().get("CPU", 1)))
        actors = ray.data.ActorPoolStrategy(
            size=min(processors, len(rows)), max_tasks_in_flight_per_actor=QUEUED_ITEMS
        )
        results = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            RayActor, fn_constructor_args=sent, compute=actors, num_cpus=self.threads
        )
        try:
            for row in results.iter_rows():
                result: Sent = row["result"]
                if result.error is not None:
                    raise result.error
                yield int(row["index"]), result.value
        except ray.exceptions.RayError as error:
            raise UserError(
                f"Expected the Ray cluster to go on, got {type(error).__name__}: "
                f"{str(error).strip()[-300:]}; the same command goes on from here."
            ) from error


@contextmanager
def start(threads: int, address: str | None = None) -> Iterator[RayCluster]:
    """Yield an engine on the cluster at `address`, HOST:PORT, or on one of this machine alone.

    Args:
        threads: processors of a cluster of this machine.
        address: of a cluster that runs already and that this machine belongs to.

    Raises:
        UserError: Ray is not installed, or nobody answers at `address`.
    """
    if find_spec("ray") is None:
        raise UserError(f"Expected Ray Data for --engine ray, got none; install it: {INSTALL}")
    host = "127.0.0.1" if address is None else _reach(address)
    with ExitStack() as cluster:

        @cache
        def connect() -> None:
            options: dict[str, Any] = {}
            if address is None:
                options = {
                    "num_cpus": threads,
                    "include_dashboard": False,
                    "object_store_memory": OBJECT_STORE_BYTES,
                    "_temp_dir": cluster.enter_context(_short_folder()),
                }
            _set_environment(host, new=address is None)
            cluster.enter_context(_joined(address or "local", options))

        yield RayCluster(connect)


def _short_folder() -> TemporaryDirectory[str]:
    """Return a new temporary folder in which Ray can make sockets."""
    place = gettempdir()
    # S108: what is made in /tmp has a name of its own, and only this user may read it.
    return TemporaryDirectory(
        prefix="mien-ray-",
        dir=place if len(place) <= MAX_FOLDER_LENGTH else "/tmp",  # noqa: S108
        ignore_cleanup_errors=True,  # a process of Ray that is just ending may still write there
    )


@contextmanager
def _joined(address: str, options: Mapping[str, Any]) -> Iterator[None]:
    """Join a cluster of Ray, and leave it with the block."""
    import ray
    import ray.data

    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        context = ray.init(address, logging_level="ERROR", log_to_driver=False, **options)
    except (ray.exceptions.RayError, OSError, RuntimeError, ValueError, AssertionError) as error:
        ray.shutdown()
        raise UserError(
            f"Expected to join the Ray cluster {address}, got {type(error).__name__}: "
            f"{str(error)[:300]}; try `ray status` there; a "
            "cluster with a token needs it in RAY_AUTH_TOKEN."
        ) from error
    try:
        processors = int(ray.cluster_resources().get("CPU", 0))
        say(
            f"Ray {ray.__version__}, {context.address_info['gcs_address']}: {processors} processors"
        )
        yield
    finally:
        ray.shutdown()


def _set_environment(host: str, *, new: bool) -> None:
    """Set what Ray reads when it is imported and started."""
    # The core's log lines, written past Python to stderr: also of what Ray Data handles itself.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    if _is_loopback(host):
        # Keeps 127.0.0.1 where Ray would take the address that other machines reach.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    if new:  # without a token Ray would leave one in ~/.ray
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    elif {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ) or TOKEN_FILE.is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")  # Ray's own default only without an address


def _reach(address: str) -> str:
    """Return the host of `address`, where somebody listens.

    Raises:
        UserError: it is no address, or nobody answers within CONNECT_SECONDS.
    """
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal() and 0 < int(port) < 65536) or "/" in host:
        raise UserError(
            f"Expected --address HOST:PORT, got {address[:MAX_ADDRESS_LENGTH]!r}; "
            "`ray start --head` prints it."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        raise UserError(
            f"Expected a Ray cluster at {address}, got: {error}; try `ray start --head`, which "
            "prints the address."
        ) from None
    return host.strip("[]")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
