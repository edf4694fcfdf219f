"""The studio's Docker Space: what it carries, and that it serves behind a Space's name."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

from evaluation.benchmark.app_processes import running
from scripts import space_studio
from scripts.space_folder import SpaceError
from tests.conftest import ROOT

SPACE_HOST = "somebody-mien-studio.hf.space"
MISSING = ("gradio", "torch", "timm")


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("studio-space")
    space_studio.write(folder)
    assert space_studio.write(folder), "writing it again over itself works"
    return folder


def test_it_carries_the_studio_and_no_more(space: Path) -> None:
    files = {p.relative_to(space).as_posix() for p in space.rglob("*") if p.is_file()}
    assert {"Dockerfile", "README.md", "requirements.txt", "LICENSE", "apps/studio/app.py"} <= files
    assert not [f for f in files if f.startswith(("train", "tests", "core/models", "apps/webcam"))]
    pins = (space / "requirements.txt").read_text("utf-8").splitlines()
    assert not {pin.partition("==")[0] for pin in pins} & {*MISSING, "torchvision", "pytest"}
    front = yaml.safe_load((space / "README.md").read_text("utf-8").split("---\n")[1])
    assert front["sdk"] == "docker" and len(front["short_description"]) <= 60
    command = re.findall(r'"([^"]+)"', (space / "Dockerfile").read_text("utf-8").split("CMD")[1])
    assert command[-1] == str(front["app_port"])


def test_another_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SpaceError, match="other files"):
        space_studio.write(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_command_names_the_way_out(capfd: pytest.CaptureFixture[str]) -> None:
    assert space_studio.main([]) == 2
    assert "try /tmp/studio-space" in capfd.readouterr().err


def test_it_serves_behind_a_space_s_name_and_nobody_else(space: Path, tmp_path: Path) -> None:
    """Only its own files, and no package that its pins lack; visited under the Space's name."""
    for name in MISSING:
        (tmp_path / f"{name}.py").write_text("raise ImportError('not in the Space')")
    env = {k: v for k, v in os.environ.items() if k != "CI"} | {"PYTHONPATH": str(tmp_path)}
    where = {"host": "0.0.0.0", "folder": space, "page": "/_stcore/health", "env": env}
    with running("apps.studio", **where) as (url, _):
        assert asyncio.run(_may_open(url, f"https://{SPACE_HOST}"))
        assert not asyncio.run(_may_open(url, "https://example.com"))
        assert _status_of_upload(url, f"https://{SPACE_HOST}") == 400, "no such visit"
        assert _status_of_upload(url, "https://example.com") == 403


async def _may_open(url: str, origin: str) -> bool:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus

    host, port = url.removeprefix("http://").split(":")
    socket = f"ws://{SPACE_HOST}/_stcore/stream"
    try:
        async with connect(
            socket, host=host, port=int(port), origin=origin, subprotocols=["streamlit"]
        ):
            return True
    except InvalidStatus:
        return False


def _status_of_upload(url: str, origin: str) -> int:
    request = urllib.request.Request(
        f"{url}/_stcore/upload_file/no-visit/no-file", b"", method="PUT"
    )
    request.add_header("Host", SPACE_HOST)
    request.add_header("Origin", origin)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_make_help_names_both_spaces() -> None:
    text = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "make space " in text.stdout and "make space-studio " in text.stdout
