"""`--engine ray` on clusters of two processes on this machine: the same tables and features as in
one process, to the last bit; nothing listens beyond the loopback interface; Ctrl-C loses nothing.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pyarrow as pa
import pytest

from core.errors import UserError
from evaluation import engines
from evaluation.__main__ import main
from evaluation.engines import ray as ray_engine
from evaluation.predictions import resume, table
from evaluation.predictions.partial import PartialTable
from evaluation.predictions.resume import PART_SIZE
from tests.conftest import ROOT, heed_interrupts

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")
N = PART_SIZE + 74
"""Pictures: two parts, or six of SMALL_PART."""
SMALL_PART = 64
SLOW = f"""
import sys, time, evaluation.predictions.resume as resume
resume.PART_SIZE = {SMALL_PART}
save = resume.PartialTable.save
resume.PartialTable.save = lambda *part: (save(*part), time.sleep(0.3))
from evaluation.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
"""A driver that leaves time to stop it between two parts."""
CLUSTER = """
import sys, ray
started = ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=2**27)
print(started.address_info["gcs_address"], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def pictures(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """N pictures of UTKFace, three of them damaged."""
    folder = tmp_path_factory.mktemp("faces")
    for i, path in enumerate(sorted((data_dir / "utkface").glob("*.jpg"))[:N]):
        shutil.copyfile(path, folder / path.name)
        if i in (3, PART_SIZE, N - 1):
            (folder / path.name).write_bytes(path.read_bytes()[:2500])  # a whole header
    return folder


@pytest.fixture(scope="module")
def options(pictures: Path, tiny_bundle: Path) -> list[str]:
    source = ["--dataset", "utkface", "--data", str(pictures), "--split", "all"]
    return ["--model", str(tiny_bundle), *source]


@pytest.fixture(scope="module")
def local(options: list[str], tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """The table of a run in this process."""
    out = tmp_path_factory.mktemp("local") / "t.parquet"
    assert main(["predict", *options, "--out", str(out)]) == 0
    return table.read(out)


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """A home and temporary folder of its own, with a short name: see `MAX_FOLDER_LENGTH`."""
    with TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield os.environ | {"TMPDIR": folder, "HOME": folder, "MIEN_CACHE": folder}


@pytest.fixture(scope="module")
def cluster(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment of a command that joins a running cluster, whose address is `ADDRESS`."""
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    loopback = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        env=environment | token | loopback,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield environment | token | {"ADDRESS": process.stdout.readline().strip()}
        process.communicate()  # closes its input, at which it ends


def evaluation(*words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evaluation", *words]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)


def same(actual: pa.Table, wanted: pa.Table) -> bool:
    """Whether two tables agree in every bit but the time at which they were made."""
    meta, other = table.Meta.of(actual), table.Meta.of(wanted)
    return actual.equals(wanted) and replace(meta, created=other.created) == other


@needs_ray
def test_a_cluster_makes_the_same_table_and_the_same_audit(
    options: list[str],
    local: pa.Table,
    cluster: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    on_cluster = ["--engine", "ray", "--address", cluster["ADDRESS"]]
    out = tmp_path / "t.parquet"
    done = evaluation("predict", *options, "--out", str(out), *on_cluster, env=cluster)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "3 unreadable" in done.stderr and same(table.read(out), local)

    audit = ["audit", *options[2:6], "--no-cache", "--json"]
    audit += ["--checks", "near_duplicates,face_count,unreadable,drift"]
    done = evaluation(*audit, *on_cluster, env=cluster)
    assert done.returncode == 0, done.stderr[-2000:]
    assert main(audit) == 0 and json.loads(done.stdout) == json.loads(capsys.readouterr().out)


def listening(process: psutil.Process) -> set[str]:
    """Addresses on which a process and its children accept connections."""
    sockets = []
    for p in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # a worker of Ray that has just ended
            sockets += p.net_connections("inet")
    return {c.laddr.ip for c in sockets if c.status == psutil.CONN_LISTEN}


@needs_ray
def test_a_cluster_of_its_own_is_private_and_ctrl_c_loses_nothing(
    options: list[str],
    local: pa.Table,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    out = tmp_path / "t.parquet"
    words = ["predict", *options, "--out", str(out)]
    command = [sys.executable, "-c", SLOW, *words, "--engine", "ray", "--threads", "2"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interrupts,
    ) as process:
        parts, deadline = PartialTable(out), time.monotonic() + 240
        while not any(map(parts.sample_count, range(6))) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGSTOP)  # nothing more is written while we look
        addresses = listening(psutil.Process(process.pid))
        process.send_signal(signal.SIGCONT)
        os.killpg(process.pid, signal.SIGINT)  # to all of them, as a terminal does
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130 and "same command goes on" in stderr, stderr[-2000:]
    assert addresses and all(ip_address(a.removeprefix("::ffff:")).is_loopback for a in addresses)
    left = [p.name for p in Path(environment["TMPDIR"]).iterdir()]
    assert not [n for n in left if n.startswith((".ray", "mien-ray"))]

    capsys.readouterr()
    monkeypatch.setattr(resume, "PART_SIZE", SMALL_PART)
    assert main(words) == 0 and "goes on:" in capsys.readouterr().err
    assert same(table.read(out), local)


def test_without_ray_the_error_has_the_command(
    options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setattr(ray_engine, "find_spec", lambda name: None)
    assert main(["predict", *options, "--out", str(tmp_path / "t"), "--engine", "ray"]) == 2
    assert "pip install -c constraints.txt 'ray[data]'" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["", "nowhere", "127.0.0.1:0", "http://a:1", "a:b"])
def test_an_address_has_a_host_and_a_port(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_engine, "find_spec", lambda name: object())
    with pytest.raises(UserError, match="HOST:PORT"), engines.start("ray", 1, address):
        pass


def test_an_address_where_nobody_listens_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_engine, "find_spec", lambda name: object())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, so nobody else listens there
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        start = time.monotonic()
        with pytest.raises(UserError, match="refused"), engines.start("ray", 1, address):
            pass
    assert time.monotonic() - start < ray_engine.CONNECT_SECONDS


def test_an_address_without_the_engine_is_refused() -> None:
    with pytest.raises(UserError, match="--engine ray"), engines.start("local", 1, "a:1"):
        pass
