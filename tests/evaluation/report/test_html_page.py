"""report --html: one page that asks nobody for anything, escapes what it is told, and shows faces
only as it was asked.
"""

from __future__ import annotations

import base64
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from plotly.offline import get_plotlyjs
from skimage.io import imsave

from core import image as images
from core.labels import FERPLUS8, GENDER2
from evaluation.__main__ import main
from evaluation.predictions import table
from evaluation.predictions.schema import to_schema

EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)>"
A, B = FERPLUS8.labels[:2]
N = 40


@pytest.fixture
def folder(tmp_path: Path, portrait: np.ndarray) -> Path:
    """A table of all tasks with hostile names, and a few pictures; one path leads out of the
    folder, one to nothing.
    """
    (tmp_path / "faces").mkdir()
    for i in range(3):
        imsave(tmp_path / "faces" / f"{i}.png", portrait, check_contrast=False)
    imsave(tmp_path / "secret.png", portrait, check_contrast=False)
    paths = [
        "0.png",
        "../secret.png",
        str(tmp_path / "secret.png"),
        "none.png",
        "1.png",
        *["2.png"] * (N - 5),
    ]
    share = np.linspace(0.99, 0.6, N)
    columns = {
        "sample_id": [f"{i}{EVIL}" for i in range(N)],
        "dataset": [EVIL] * N,
        "path": paths,
        "emotion_true": [A] * N,
        f"emotion_p_{A}": np.r_[1 - share[:9], share[9:]],
        f"emotion_p_{B}": np.r_[share[:9], 1 - share[9:]],
        "gender_true": [GENDER2.labels[0]] * N,
        "gender_p_female": share,
        "age_true": np.arange(N, dtype=float),
        "age_pred": np.arange(N) + 2.0,
        f"group_{EVIL}": ["x", EVIL] * (N // 2),
    }
    table.write(to_schema(pa.table(columns), model=EVIL), tmp_path / "t.parquet")
    return tmp_path


class Seen(HTMLParser):
    """Tags, their attributes, and whether all closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def read(path: Path) -> tuple[str, list[tuple[str, dict[str, str | None]]]]:
    text = path.read_text(encoding="utf-8")
    parser = Seen()
    parser.feed(text)
    return text, parser.tags


def test_page_is_whole_and_harmless(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert (
        main(
            [
                "report",
                str(folder / "t.parquet"),
                "--html",
                str(folder / "out" / "r.html"),
                "--gate",
                "production",
            ]
        )
        == 3
    )
    capsys.readouterr()
    text, tags = read(folder / "out" / "r.html")
    assert text.count(get_plotlyjs()) == 1
    rest = text.replace(get_plotlyjs(), "")
    assert (
        "alert('x')</script>" not in rest
        and "<img src=x" not in rest
        and "&lt;script&gt;alert" in rest
    )
    assert not [
        t for t in tags if t[0] in {"img", "link", "iframe"} or (t[0] == "script" and "src" in t[1])
    ]
    assert not [a for _, attrs in tags for a in attrs if a.startswith("on")]
    assert any("default-src 'none'" in (attrs.get("content") or "") for _, attrs in tags)
    for heading in (
        "Confusion",
        "Reliability",
        "Error by decade",
        "By class",
        "Gates",
        "Perceived gender",
    ):
        assert heading in rest
    charts = [
        attrs
        for tag, attrs in tags
        if tag == "div" and "plotly-graph-div" in (attrs.get("class") or "")
    ]
    assert (
        len(charts) == 5 + 4 + 3
        # emotion: confusion, reliability, three groups; gender: one group less; age: decades, two
        # groups
    )


def test_faces_are_blurred_unless_asked_for_and_stay_in_their_folder(
    folder: Path, portrait: np.ndarray
) -> None:
    base = [
        "report",
        str(folder / "t.parquet"),
        "--images",
        str(folder / "faces"),
        "--html",
        str(folder / "r.html"),
    ]
    details = []
    for extra in ([], ["--show-faces"]):
        assert main([*base, *extra]) == 0
        text, tags = read(folder / "r.html")
        shown = [attrs["src"] or "" for tag, attrs in tags if tag == "img"]
        # Of nine wrong emotions three lead outside or nowhere; the twelve largest age errors are
        # rows 0 to 11 with the same three.
        assert len(shown) == 6 + 9 and "6 could not be opened" in text
        picture = images.load(base64.b64decode(shown[0].removeprefix("data:image/jpeg;base64,")))
        grey = picture.mean(axis=-1)
        details.append(np.abs(np.diff(grey, axis=1)).mean())
    assert details[0] < 0.4 * details[1], "blurred pictures have no edges"
    assert f"true {A}" in text


def test_page_of_one_task_and_wrong_arguments(folder: Path, capsys: pytest.CaptureFixture) -> None:
    ages = to_schema(
        pa.table({"sample_id": ["a", "b"], "age_true": [3.0, 70.0], "age_pred": [4.0, 60.0]})
    )
    table.write(ages, folder / "a.parquet")
    assert main(["report", str(folder / "a.parquet"), "--html", str(folder / "a.html")]) == 0
    text, _ = read(folder / "a.html")
    assert "Error by decade" in text and "Confusion:" not in text
    capsys.readouterr()
    for arguments, message in (
        (["--html", str(folder)], "got the folder"),
        (["--images", str(folder)], "--html"),
        (["--html", "r", "--show-faces"], "--images"),
        (["--html", str(folder / "b.html"), "--images", str(folder / "none")], "a folder"),
    ):
        assert main(["report", str(folder / "a.parquet"), *arguments]) == 2
        assert message in capsys.readouterr().err
    assert not (folder / "b.html").exists()
