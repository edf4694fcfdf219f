"""Pictures drawn into thin classes: from train only, no copies, the right form, known origin, the
same each time.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import image as images
from core.data import manifest
from core.errors import DataError
from core.labels import FERPLUS8
from evaluation.quality import open_dataset
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.repair import balance, image_form
from tests.evaluation.quality import repairs

A, B, C = FERPLUS8.labels[:3]


def scene(seed: int, side: int, grey: bool) -> np.ndarray:
    """A smooth picture of its own, BGR or grey, which no other seed comes near."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 6) if grey else (6, 6, 3), np.uint8)
    return cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)


def fill(root: Path, counts: dict[str, int], side: int, grey: bool, start: int) -> Path:
    """Pictures by `SPLIT/LABEL`."""
    for place, n in counts.items():
        (root / place).mkdir(parents=True)
        for i in range(n):
            cv2.imwrite(str(root / place / f"{i:03d}.png"), scene(start, side, grey))
            start += 1
    return root


@pytest.fixture
def pair(tmp_path: Path) -> tuple[AuditDataset, AuditDataset]:
    """The first is grey, 48x48, with few of B; the second is larger, in colour and has 20 of B in
    train.
    """
    first = fill(
        tmp_path / "first", {f"train/{A}": 30, f"train/{B}": 2, f"val/{A}": 3}, 48, True, 0
    )
    second = fill(
        tmp_path / "second",
        {f"train/{A}": 5, f"train/{B}": 20, f"val/{B}": 9, f"test/{B}": 9},
        80,
        False,
        1000,
    )
    return open_dataset("image_folder", first, cache=None), open_dataset(
        "image_folder", second, cache=None
    )


def test_a_thin_class_reaches_its_share(
    pair: tuple[AuditDataset, AuditDataset], tmp_path: Path
) -> None:
    sources = [repairs.written(c.samples.root) for c in pair]
    done = balance.balance(*pair, tmp_path / "out", "emotion", 0.25)
    assert (
        done.before == {A: 30, B: 2} and done.added == {A: 0, B: 8} and done.wanted == {A: 0, B: 8}
    )  # 10 of 40
    repaired_samples = manifest.load(tmp_path / "out", "train")
    new = [i for i, p in enumerate(repaired_samples.paths) if p.is_relative_to(tmp_path / "out")]
    assert (
        len(repaired_samples) == 40
        and len(new) == 8
        and (repaired_samples.emotion[new] == FERPLUS8.index(B)).all()
    )
    for i in new:
        bgr = cv2.imread(str(repaired_samples.paths[i]), cv2.IMREAD_UNCHANGED)
        assert bgr.shape == (48, 48) and images.load(repaired_samples.paths[i]).shape == (48, 48, 3)
    assert manifest.load(tmp_path / "out", "val").ids == tuple(
        i for i in pair[0].samples.ids if i.startswith("val")
    )
    assert [repairs.written(c.samples.root) for c in pair] == sources


def test_where_it_comes_from_is_in_the_name_and_the_manifest(
    pair: tuple[AuditDataset, AuditDataset], tmp_path: Path
) -> None:
    balance.balance(*pair, tmp_path / "out", "emotion", 0.25)
    table, about = manifest.read(tmp_path / "out" / "manifest.parquet")
    new = [r for r in table.to_pylist() if r["root"] == "here"]
    for row in new:
        assert (
            row["provenance"].startswith(f"image_folder/train/train/{B}/")
            and row["changed"] == "48x48 grey"
        )
        assert (
            row["path"].startswith(f"from-image_folder/image_folder__train__train_{B}_")
            and row["split"] == "train"
        )
        source = pair[1].samples.root / row["provenance"].removeprefix("image_folder/train/")
        grey = cv2.cvtColor(cv2.imread(str(source)), cv2.COLOR_BGR2GRAY)
        drawn = cv2.imread(str(tmp_path / "out" / "files" / row["path"]), cv2.IMREAD_UNCHANGED)
        assert (
            np.abs(
                cv2.resize(grey, (48, 48), interpolation=cv2.INTER_AREA).astype(int) - drawn
            ).max()
            <= 2
        )
    assert (
        about.made_by["from_fingerprint"] == pair[1].fingerprint
        and about.made_by["added"] == len(new) == 8
    )


def test_the_same_seed_gives_the_same_bytes(
    pair: tuple[AuditDataset, AuditDataset], tmp_path: Path
) -> None:
    for out, seed in (("a", 0), ("b", 0), ("a", 0), ("c", 1)):
        balance.balance(*pair, tmp_path / out, "emotion", 0.25, seed=seed)
    a, b, c = ({k: v[0] for k, v in repairs.written(tmp_path / out).items()} for out in "abc")
    assert a == b and set(a) != set(c) and len(a) == 9


def test_copies_are_not_drawn(tmp_path: Path) -> None:
    """Of six pictures of B three are copies: of the first's val, of the second's own test, and of
    one another.
    """
    first = fill(
        tmp_path / "first", {f"train/{A}": 20, f"train/{B}": 1, f"val/{A}": 2}, 48, True, 0
    )
    second = fill(
        tmp_path / "second", {f"train/{A}": 2, f"train/{B}": 6, f"test/{A}": 2}, 80, False, 1000
    )
    place = second / "train" / B
    cv2.imwrite(
        str(place / "000.png"), cv2.resize(cv2.imread(str(first / "val" / A / "000.png")), (80, 80))
    )
    (place / "001.png").write_bytes((second / "test" / A / "001.png").read_bytes())
    cv2.imwrite(
        str(place / "003.jpg"), cv2.imread(str(place / "002.png")), [cv2.IMWRITE_JPEG_QUALITY, 90]
    )
    both = [open_dataset("image_folder", root, cache=None) for root in (first, second)]
    done = balance.balance(both[0], both[1], tmp_path / "out", "emotion", 0.5)
    assert done.added[B] == 4 and done.copies == 3 and done.wanted[B] > 4
    rows = pq.read_table(tmp_path / "out" / "manifest.parquet").to_pylist()
    drawn = {Path(r["provenance"]).name for r in rows if r["root"] == "here"}
    assert (
        drawn & {"000.png", "001.png"} == set()
        and len(drawn & {"002.png", "003.jpg"}) == 1
        and {"004.png", "005.png"} <= drawn
    )


@pytest.mark.parametrize("mode", ["link", "copy"])
def test_a_balanced_folder_can_be_moved_and_balanced_again(
    pair: tuple[AuditDataset, AuditDataset], tmp_path: Path, mode: balance.ImagePlacement
) -> None:
    balance.balance(*pair, tmp_path / "out", "emotion", 0.2, placement=mode)
    (tmp_path / "out").rename(tmp_path / "moved")
    opened = open_dataset("manifest", tmp_path / "moved", cache=None)
    assert (
        all(p.is_relative_to(tmp_path / "moved") for p in opened.samples.paths)
        and len(opened) == 41
    )
    with pytest.raises(DataError, match="outside of the data"):
        balance.balance(
            opened,
            pair[1],
            tmp_path / "moved" / "files" / "again",
            "emotion",
            0.3,
            data=tmp_path / "moved",
        )
    done = balance.balance(
        opened, pair[1], tmp_path / "again", "emotion", 0.3, data=tmp_path / "moved"
    )
    assert (
        done.before == {A: 30, B: 8} and done.added == {A: 0, B: 5} and done.copies == 6
    )  # those drawn before are copies now
    rows = pq.read_table(tmp_path / "again" / "manifest.parquet").to_pylist()
    assert (
        sum(
            r["provenance"].startswith(f"image_folder/train/train/{B}/") and r["split"] == "train"
            for r in rows
        )
        == 2 + 6 + 5
    )


def test_what_cannot_be(pair: tuple[AuditDataset, AuditDataset], tmp_path: Path) -> None:
    for share in (0.0, 0.51, 2.0, float("nan")):
        with pytest.raises(DataError, match=r"at most 0.500 for 2 classes"):
            balance.balance(*pair, tmp_path / "out", "emotion", share)
    with pytest.raises(DataError, match="Expected gender labels in image_folder, got only emotion"):
        balance.balance(*pair, tmp_path / "out", "gender", 0.2)
    val = replace(pair[1], split=np.full(len(pair[1]), "val"))
    with pytest.raises(DataError, match="Expected a train split"):
        balance.balance(pair[0], val, tmp_path / "out", "emotion", 0.2)
    with pytest.raises(DataError, match="outside of the data"):
        balance.balance(*pair, pair[1].samples.root / "out", "emotion", 0.2)
    assert not (tmp_path / "out").exists()


def test_a_face_is_cut_out_of_a_photograph(portrait: np.ndarray, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "photo.png"), portrait[..., ::-1])
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((200, 300), 90, np.uint8))
    from core.faces import best_detector

    detector = best_detector()[0]
    form = image_form.ImageForm((60, 60), False, True)
    data = image_form.convert_image(tmp_path / "photo.png", form, detector)
    assert (
        data is not None
        and image_form.convert_image(tmp_path / "empty.png", form, detector) is None
    )
    face = images.load(data)
    assert face.shape == (60, 60, 3)
    left, top, width, _ = detector(portrait)[0].box
    centre = portrait[int(top) : int(top + width), int(left) : int(left + width)]
    assert (
        abs(face.mean() - centre.mean()) < 40 and len(detector(cv2.resize(face, (240, 240)))) == 1
    )


@settings(deadline=None)  # a busy machine is no fault
@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=2, max_size=8),
    st.floats(0.001, 1),
)
def test_how_many_are_missing(classes: list[tuple[int, int]], share: float) -> None:
    have, offered = (np.array(v) for v in zip(*classes, strict=True))
    if share * len(have) > 1 or not have.sum():
        return
    add = balance.number_to_add(have, offered, share)
    total = have.sum() + add.sum()
    assert ((add >= 0) & (add <= offered)).all()
    for n, extra, most in zip(have, add, offered, strict=True):
        assert n + extra >= share * total - 1e-6 or extra == most  # reached, or nothing left
        assert extra == 0 or n + extra - 1 < share * total + 1e-6  # and not one too many


def test_the_command(
    pair: tuple[AuditDataset, AuditDataset], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from evaluation.__main__ import main

    first, second = (str(c.samples.root) for c in pair)
    command = [
        "balance",
        "--dataset",
        "image_folder",
        "--data",
        first,
        "--from",
        "image_folder",
        "--from-data",
        second,
        "--no-cache",
    ]
    assert main([*command, "--share", "0.48", "--out", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr()
    assert "20 pictures added" in shown.out and f"{B} lacks 3" in shown.err
    assert main([*command, "--share", "0.25", "--out", str(tmp_path / "other"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["added"][B] == 8
    assert main([*command, "--share", "0.9", "--out", str(tmp_path / "none")]) == 2
