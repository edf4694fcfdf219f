"""The Hugging Face Space: its front matter, what it carries, and that it runs in an environment of
its own.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from scripts import space
from tests.conftest import MODEL, ROOT, need

SDK_LIMIT_S = 60
"""Longest start on a busy machine; a free one takes about 10 s."""


@pytest.fixture(scope="module")
def front_matter() -> dict:
    return yaml.safe_load((ROOT / "README.md").read_text(encoding="utf-8").split("---\n")[1])


@pytest.fixture(scope="module")
def pins() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    exact = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {name.partition("[")[0]: version for name, version in exact}


def test_front_matter_is_what_spaces_read(front_matter: dict, pins: dict[str, str]) -> None:
    assert (front_matter["sdk"], front_matter["license"], front_matter["python_version"]) == (
        "gradio",
        "other",
        "3.11",
    )
    assert front_matter["license_name"] == "mit-code-noncommercial-weights"
    assert need(ROOT / front_matter["license_link"]).is_file()
    assert front_matter["sdk_version"] == pins["gradio"]
    assert (
        front_matter["app_file"] == "apps/webcam/app.py"
        and need(ROOT / front_matter["app_file"]).is_file()
    )
    assert 0 < len(front_matter["short_description"]) <= 60
    assert all(name.count("/") == 1 for name in front_matter["models"])
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert (
        {front_matter["colorFrom"], front_matter["colorTo"]} <= colours
        and front_matter["title"]
        and front_matter["emoji"]
    )


def test_pins_are_exact_and_agree_with_the_lock(pins: dict[str, str]) -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lock = dict(
        line.lower().replace("_", "-").split("==")
        for line in text.splitlines()
        if not line.startswith("#")
    )
    assert {name: lock.get(name) for name in pins} == pins
    assert "+" not in "".join(lock.values()) and not any(
        name.startswith(("nvidia", "triton", "cuda")) for name in lock
    )
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [
        line
        for line in requirements
        if line and not line.startswith(("#", "-c ")) and "==" not in line
    ] == []


def test_section_is_cut_at_the_next_heading() -> None:
    text = "# about\n-c x\n\n# [a]  words\none==1\n# note\ntwo==2\n\n# [b]\nthree==3\n"
    assert space.section(text, "a") == ["one==1", "two==2"] and space.section(text, "b") == [
        "three==3"
    ]
    with pytest.raises(space.SpaceError, match="got 'c'"):
        space.section(text, "c")
    with pytest.raises(space.SpaceError, match="exact pins"):
        space.section("# [a]\none>=1\n", "a")


def test_closure_follows_imports_and_nothing_else(tmp_path: Path) -> None:
    for name, text in {
        "apps/__init__.py": "",
        "apps/webcam/__init__.py": "",
        "apps/webcam/app.py": "from core import a\nimport numpy\n",
        "core/__init__.py": "",
        "core/a.py": "def f():\n    from core.b.c import x\n",
        "core/b/__init__.py": "",
        "core/b/c.py": "x = 1",
        "core/unused.py": "import core.a",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    files = {
        p.relative_to(tmp_path).as_posix()
        for p in space.closure(tmp_path, [tmp_path / "apps/webcam/app.py"])
    }
    assert files == {
        "apps/webcam/app.py",
        "core/__init__.py",
        "core/a.py",
        "core/b/__init__.py",
        "core/b/c.py",
    }


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, shipped_model: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(space.SpaceError, match="other files"):
        space.write(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_space_says_where_pictures_go_and_what_may_be_done_with_the_weights() -> None:
    text = space.front_matter((ROOT / "README.md").read_text(encoding="utf-8"))
    assert "sends no picture anywhere" not in text and "Hugging Face's machine" in text
    assert "non-commercial research" in text


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(url: str) -> tuple[int, bytes]:
    """Status and body, without any proxy."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        url, timeout=10
    ) as answer:
        return answer.status, answer.read()


def wait_for(url: str, process: subprocess.Popen, log: Path) -> tuple[int, bytes]:
    """The first answer of a server that is starting; fails with its log when it ends or stays
    silent.
    """
    deadline = time.monotonic() + SDK_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return get(url)
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"no answer from {url}: status {process.poll()}\n{log.read_text()[-3000:]}")


def test_space_runs_in_an_environment_of_its_own(tmp_path: Path, front_matter: dict) -> None:
    need(MODEL / "model.onnx")
    need(ROOT / front_matter["app_file"])
    folder, venv = tmp_path / "space", tmp_path / "venv"
    files = {p.relative_to(folder).as_posix() for p in space.write(folder)}
    assert {
        "README.md",
        "requirements.txt",
        "assets/models/mien/model.onnx",
        "assets/models/face_check.onnx",
        "core/pipeline.py",
        front_matter["app_file"],
    } <= files
    assert not [
        f
        for f in files
        if f.startswith(("core/models", "core/data", "core/prepare", "train", "tests"))
    ]
    assert not [f for f in files if f.endswith(".safetensors")]
    assert space.write(folder), "writing it again over itself works"

    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    python = venv / "bin" / "python"
    # This environment's pip. Only what the Space imports is compiled, when it starts.
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    install = ["install", "-q", "--no-input", "--no-compile", "-c", ROOT / "constraints.txt"]
    subprocess.run(
        [*pip, *install, "-r", folder / "requirements.txt"],
        check=True,
        capture_output=True,
        timeout=600,
    )
    listed = subprocess.run([*pip, "list", "--format=json"], check=True, capture_output=True)
    names = json.loads(listed.stdout)
    assert not {"torch", "torchvision", "timm", "streamlit"} & {n["name"].lower() for n in names}

    port = free_port()
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "CI")} | {
        "GRADIO_SERVER_PORT": str(port)
    }
    log = tmp_path / "log"
    with (
        log.open("w") as out,
        subprocess.Popen(
            [python, front_matter["app_file"]], cwd=folder, env=env, stdout=out, stderr=out
        ) as process,
    ):
        try:
            status, page = wait_for(f"http://127.0.0.1:{port}/", process, log)
            assert status == 200 and b"gradio" in page.lower()
            info = json.loads(get(f"http://127.0.0.1:{port}/gradio_api/info")[1])
            assert "/predict" in info["named_endpoints"], sorted(info["named_endpoints"])
        finally:
            process.terminate()
            process.wait(20)
