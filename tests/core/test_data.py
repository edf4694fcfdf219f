"""FER+ and UTKFace in the publishers' layouts: votes, names, faults, splits; and the crop cache,
which resumes.
"""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.data import ferplus, utkface
from core.data.base.crop_cache import NO_FACE, UNREADABLE, prepare
from core.errors import DataError
from core.faces import Haar
from core.labels import FERPLUS8
from core.preprocess import InputSpec

PNG = cv2.imencode(".png", np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8))[
    1
].tobytes()


def fer_tree(
    root: Path, rows: list[str], folder: str = "FER2013Train", pictures: int | None = None
) -> Path:
    (root / folder).mkdir(parents=True)
    (root / folder / "label.csv").write_text("\n".join(rows) + "\n")
    for i in range(len(rows) if pictures is None else pictures):
        (root / folder / f"f{i}.png").write_bytes(PNG)
    return root


def row(i: int, votes: list[int]) -> str:
    return f'f{i}.png,"(0, 0, 48, 48)",' + ",".join(map(str, votes))


def test_votes_of_one_are_outliers_and_no_face_has_no_emotion() -> None:
    votes = np.array(
        [
            [6, 1, 0, 3, 0, 0, 0, 0, 0, 0],  # one vote for happiness is dropped
            [2, 0, 0, 0, 0, 0, 0, 0, 8, 0],  # unknown
            [0, 0, 0, 2, 0, 0, 0, 0, 0, 8],  # not a face
            [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],  # all outliers
            [0, 5, 5, 0, 0, 0, 0, 0, 0, 0],  # a tie goes to the first
        ]
    )
    emotion, shares = ferplus.labels_of(votes)
    assert emotion.tolist() == [0, -1, -1, -1, 1]
    assert (
        shares[0] == pytest.approx([6 / 9, 0, 0, 3 / 9, 0, 0, 0, 0]) and np.isnan(shares[1:4]).all()
    )
    assert shares[4, 1] == shares[4, 2] == 0.5


def test_ferplus_reads_its_layout_and_lists_what_is_wrong(tmp_path: Path) -> None:
    good = [9, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    root = fer_tree(
        tmp_path,
        [row(0, good), row(1, good[:7]), row(2, good), 'f3.png,"box",a,b', row(9, good)],
        pictures=3,
    )
    samples = ferplus.load(root, "train")
    assert (
        samples.ids == ("FER2013Train/f0.png", "FER2013Train/f2.png")
        and FERPLUS8.labels[samples.emotion[0]] == "neutral"
    )
    assert {p.file for p in samples.problems} == {
        "FER2013Train/f1.png",
        "FER2013Train/f3.png",
        "FER2013Train/f9.png",
    }
    assert ferplus.load(root, "all").ids == samples.ids
    assert ferplus.load(tmp_path, "train").fingerprint == samples.fingerprint
    (root / "FER2013Train" / "f0.png").write_bytes(PNG[:-1])
    assert ferplus.load(root, "train").fingerprint != samples.fingerprint
    with pytest.raises(DataError, match="FER2013Test"):
        ferplus.load(root, "test")
    with pytest.raises(DataError, match="split"):
        ferplus.load(root, "dev")


def test_a_folder_with_only_the_test_split_works(tmp_path: Path) -> None:
    root = fer_tree(tmp_path, [row(0, [9] + [0] * 9)], "FER2013Test")
    assert len(ferplus.load(root, "test")) == 1 and len(ferplus.load(root, "all")) == 1


def test_ferplus_rows_that_repeat_or_do_not_end(tmp_path: Path) -> None:
    good, many = [9, 0, 0, 0, 0, 0, 0, 0, 0, 1], [9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4]
    rows = [
        row(0, good),
        row(0, good[::-1]),
        row(1, many),
        row(2, good),
        '"' + "x" * 140_000,
    ]  # longer than a field may be
    samples = ferplus.load(fer_tree(tmp_path, rows, pictures=3), "train")
    assert (
        samples.ids == ("FER2013Train/f0.png", "FER2013Train/f2.png")
        and samples.emotion_votes[0, 0] == 1
    )
    reasons = {p.file: p.reason for p in samples.problems}
    assert reasons["FER2013Train/f0.png"] == "listed more than once; the first row counts"
    assert reasons["FER2013Train/f1.png"] == "row 3: expected 12 cells, got 13"
    assert "row 5" in reasons["FER2013Train/row 5"] and len(reasons) == 3


def test_ferplus_for_real(data_dir: Path) -> None:
    samples = ferplus.load(data_dir, "val")
    assert len(samples) == 3579 and not samples.problems
    assert (samples.emotion >= 0).sum() == 3555
    labelled = samples.emotion >= 0
    assert samples.emotion_votes[labelled].sum(axis=1) == pytest.approx(1)
    assert (samples.emotion_votes[labelled].argmax(axis=1) == samples.emotion[labelled]).all()


def test_utkface_names_and_problems(tmp_path: Path) -> None:
    for name in (
        "25_0_2_20170116174525125.jpg.chip.jpg",
        "1_1_4_20170116174525126.jpg",
        "39_1_20170116174525125.jpg.chip.jpg",
        "200_1_0_20170116174525125.jpg",
        "55_0_0_20170116232725357jpg.chip.jpg",
        "x\ny.jpg",
    ):
        (tmp_path / name).write_bytes(PNG)
    samples = utkface.load(tmp_path, "all")
    assert [samples.groups["race"][i] for i in range(2)] == ["Others", "Asian"]
    assert samples.age.tolist() == [1, 25] and samples.gender.tolist() == [0, 1]  # female, male
    assert len(samples.problems) == 4


def test_utkface_files_that_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "kept"))
    names = [f"{age}_0_2_20170116174525125.jpg" for age in range(20, 26)]
    for name in names[2:]:
        (tmp_path / name).write_bytes(PNG)
    before = utkface.load(tmp_path, "all").fingerprint
    (tmp_path / names[0]).symlink_to(names[0])  # a loop
    (tmp_path / names[1]).mkdir()
    (tmp_path / os.fsdecode(b"\xff.jpg")).write_bytes(PNG)
    samples = utkface.load(tmp_path, "all")
    assert samples.ids == tuple(names[2:]) and samples.fingerprint == before
    # the folder is no picture, nor is the loop
    assert {p.file for p in samples.problems} == {"\\udcff.jpg", names[0]}
    assert len(set(utkface._hashes(samples).tolist())) == 1  # one picture four times


def test_clusters_never_straddle(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    base = rng.integers(0, 2**63, 400, dtype=np.uint64)
    near = base.copy()
    near ^= np.uint64(1) << rng.integers(0, 63, 400).astype(np.uint64)  # one bit apart
    cluster = utkface.clusters(np.concatenate([base, near]))
    assert (cluster[:400] == cluster[400:]).all() and len(set(cluster)) == 400
    names = [f"{i}" for i in range(800)]
    split = utkface.assign(names, cluster)
    assert (split[:400] == split[400:]).all()
    assert 0.72 < (split == "train").mean() < 0.88


def test_utkface_for_real(data_dir: Path) -> None:
    splits = {s: utkface.load(data_dir, s) for s in ("train", "val", "test", "all")}
    all_ids = splits.pop("all")
    assert sorted(i for s in splits.values() for i in s.ids) == sorted(all_ids.ids)
    assert len(all_ids.problems) == 2
    assert len(splits["val"]) / len(all_ids) == pytest.approx(0.1, abs=0.01)
    hashes = dict(zip(all_ids.ids, utkface._hashes(all_ids), strict=True))
    train, val = (np.array([hashes[i] for i in splits[s].ids]) for s in ("train", "val"))
    nearest = min(
        int(np.bitwise_count(train[:, None] ^ part[None]).min()) for part in np.array_split(val, 20)
    )
    assert nearest > utkface.NEAR


def test_prepare_resumes_and_is_keyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.data.base import crop_cache as room

    root = fer_tree(tmp_path / "data", [row(i, [9] + [0] * 9) for i in range(10)])
    samples, spec, detector = ferplus.load(root, "train"), InputSpec(size=32), Haar()
    (root / "FER2013Train" / "f3.png").write_bytes(b"damaged since")
    monkeypatch.setattr(room, "PART_SAMPLES", 4)
    calls = []
    crop_of = room.crop_of

    def counted(path: Path, *rest: object) -> tuple:
        calls.append(path.name)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return crop_of(path, *rest)

    monkeypatch.setattr(room, "crop_of", counted)
    with pytest.raises(KeyboardInterrupt):
        prepare(samples, detector, spec, folder=tmp_path / "cache")
    calls.extend(["no more interruptions"] * 10)
    before = len(calls)
    crops = prepare(samples, detector, spec, folder=tmp_path / "cache")
    assert len(calls) - before == 6  # the first part of four was kept
    assert crops.crops.shape == (10, 32, 32, 1) and crops.crops.dtype == np.uint8
    assert crops.state.tolist() == [NO_FACE] * 3 + [UNREADABLE] + [NO_FACE] * 6
    assert np.array_equal(
        prepare(samples, detector, spec, folder=tmp_path / "cache").crops, crops.crops
    )
    assert len(calls) - before == 6  # nothing was done again
    keys = {
        room.key(samples, detector, s)
        for s in (spec, InputSpec(size=48), InputSpec(size=32, mean=(0.1,)))
    }
    assert len(keys) == 2  # the mean is applied after the cache
    assert room.key(samples, detector, InputSpec(size=32, align=False)) not in keys
