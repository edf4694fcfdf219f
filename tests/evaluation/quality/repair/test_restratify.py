"""New splits: two synthetic worlds with a known result, small (hypothesis) and large."""

from __future__ import annotations

import json
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data import manifest
from core.errors import DataError, UserError
from core.labels import FERPLUS8
from evaluation.__main__ import main
from evaluation.quality import label_columns
from evaluation.quality.repair import restratify, stratify
from tests.evaluation.quality import repairs


def straddling(split: np.ndarray, cluster: np.ndarray) -> int:
    """Clusters with members in two splits."""
    pairs = np.unique(np.stack([cluster, split]), axis=1)
    return pairs.shape[1] - len(np.unique(cluster))


@st.composite
def feasible(draw: st.DrawFn) -> tuple[list[np.ndarray], np.ndarray, tuple[float, ...], int]:
    """The first world: at least half of all samples stand alone and no cluster has more than 1 %,
    so the shares can be had.
    """
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    n = draw(st.integers(100, 700))
    largest = max(1, n // 100)
    cluster = np.arange(n)
    at = 0
    while at < n // 2 and draw(st.booleans()):
        many = int(rng.integers(1, largest + 1))
        cluster[at : at + many] = at
        at += many
    columns = [rng.integers(-1, draw(st.integers(0, 8)), n) for _ in range(draw(st.integers(0, 3)))]
    wanted = draw(
        st.sampled_from(
            [(0.8, 0.1, 0.1), (0.6, 0.2, 0.2), (0.9, 0.1), (0.98, 0.01, 0.01), (0.34, 0.33, 0.33)]
        )
    )
    return columns, rng.permutation(cluster), wanted, draw(st.integers(0, 5))


@settings(max_examples=60, deadline=None)
@given(feasible())
def test_what_can_be_had_is_had(
    world: tuple[list[np.ndarray], np.ndarray, tuple[float, ...], int],
) -> None:
    columns, cluster, wanted, seed = world
    split = stratify.assign_splits(columns, cluster, wanted, seed=seed)
    assert split.shape == cluster.shape and set(split.tolist()) <= set(
        range(len(wanted))
    )  # nothing is lost
    assert straddling(split, cluster) == 0
    got = np.bincount(split, minlength=len(wanted)) / len(split)
    assert np.abs(got - wanted).max() <= max(0.01, 0.5 / len(split)) + 1e-9
    assert (stratify.assign_splits(columns, cluster, wanted, seed=seed) == split).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(20, 300), st.floats(0.83, 1.0), st.integers(0, 2**32 - 1))
def test_what_cannot_be_had_is_told(n: int, share: float, seed: int) -> None:
    """The second world: one cluster has more than the largest split may hold."""
    rng = np.random.default_rng(seed)
    cluster = np.arange(n)
    cluster[: max(int(np.ceil(share * n)), int(np.ceil(0.81 * n)) + 1)] = 0
    size = int((cluster == 0).sum())
    with pytest.raises(
        DataError, match=f"80/10/10 within 1%, got {n} samples .* the largest of {size} "
    ):
        stratify.assign_splits([rng.integers(0, 3, n)], rng.permutation(cluster), (0.8, 0.1, 0.1))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(0, 3))
def test_whatever_the_clusters_are_the_answer_is_right_or_an_error(
    sizes: list[int], seed: int
) -> None:
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    try:
        split = stratify.assign_splits([cluster % 3], cluster, (0.8, 0.1, 0.1), seed=seed)
    except DataError as error:
        assert "must stay whole" in str(error)
        return
    got = np.bincount(split, minlength=3)
    assert straddling(split, cluster) == 0 and got.sum() == sum(sizes)
    assert (
        np.abs(got - np.array([0.8, 0.1, 0.1]) * sum(sizes)) <= max(0.01 * sum(sizes), 0.5 + 1e-9)
    ).all()


def test_small_sets_of_clusters_are_solved_where_a_search_of_all_solves_them() -> None:
    """All assignments of nine clusters to three splits are tried."""
    rng = np.random.default_rng(0)
    solved = exist = 0
    codes = np.stack(np.meshgrid(*[np.arange(3)] * 9, indexing="ij"), axis=-1).reshape(
        -1, 9
    )  # (19683, 9)
    for _ in range(40):
        sizes = rng.integers(1, 30, 9)
        wanted = np.array([0.6, 0.2, 0.2])
        n = int(sizes.sum())
        totals = np.stack([((codes == s) * sizes).sum(axis=1) for s in range(3)], axis=1)
        if not (np.abs(totals - wanted * n) <= max(0.01 * n, 0.5)).all(axis=1).any():
            continue
        exist += 1
        try:
            stratify.assign_splits([], np.repeat(np.arange(9), sizes), wanted)
            solved += 1
        except DataError:
            pass
    assert exist >= 20 and solved == exist


def large(n: int) -> tuple[list[np.ndarray], np.ndarray]:
    """`n` samples with FER+'s and UTKFace's shares of classes; a third in clusters of 2 to 40."""
    dataset = repairs.invented(n)
    rng = np.random.default_rng(3)
    cluster, at = np.arange(n), 0
    while at < n // 3:
        many = int(min(40, 2 + rng.geometric(0.4)))
        cluster[at : at + many] = at
        at += many
    columns = [codes for codes, _ in label_columns.label_codes(dataset.samples).values()]
    return columns, rng.permutation(cluster)


def test_a_hundred_thousand_samples_are_even_in_all_labels_within_seconds() -> None:
    columns, cluster = large(100_000)
    start = time.process_time()
    split = stratify.assign_splits(columns, cluster, (0.8, 0.1, 0.1))
    assert time.process_time() - start < 10
    assert straddling(split, cluster) == 0
    assert len(columns) == 3
    for codes in columns:
        for code in np.unique(codes[codes >= 0]):
            those = np.bincount(split[codes == code], minlength=3) / (codes == code).sum()
            assert np.abs(those - (0.8, 0.1, 0.1)).max() < 0.01
    both = columns[0] * 2 + columns[1]  # emotion and gender together
    for code in np.unique(both):
        assert (
            np.abs(
                np.bincount(split[both == code], minlength=3) / (both == code).sum()
                - (0.8, 0.1, 0.1)
            ).max()
            < 0.01
        )
    assert (split != stratify.assign_splits(columns, cluster, (0.8, 0.1, 0.1), seed=1)).any()


def test_people_who_look_alike_in_labels_are_spread_too() -> None:
    """Each person has one gender; 60 people of 50 pictures, twenty of them women."""
    who = np.repeat(np.arange(60), 50)
    gender = (who < 20).astype(np.int64)
    split = stratify.assign_splits([gender], who, (0.8, 0.1, 0.1))
    women = np.bincount(split[gender == 1], minlength=3) / 1000
    assert straddling(split, who) == 0 and np.abs(women - (0.8, 0.1, 0.1)).max() <= 0.05 + 1e-9


@pytest.mark.parametrize(
    "text", ["80/10/11", "100", "80/20/0", "a/b", "", "25/25/25/25", "nan/50/50", "-10/100/10"]
)
def test_shares_that_are_none(text: str) -> None:
    with pytest.raises(UserError, match="sum to 100"):
        restratify.parse_shares(text)


def test_shares() -> None:
    assert (
        restratify.parse_shares("80/10/10")
        == restratify.parse_shares("0.8,0.1,0.1")
        == pytest.approx((0.8, 0.1, 0.1))
    )
    assert restratify.parse_shares("90/10") == pytest.approx((0.9, 0.1))


def test_distances_say_what_is_uneven() -> None:
    dataset = repairs.invented(200)
    split = np.zeros(200, np.int64)
    deviations = restratify.share_deviations(dataset.samples, split, ("train", "val"), (0.9, 0.1))
    assert (
        abs(deviations[0].got - deviations[0].wanted) == pytest.approx(0.1) and len(deviations) > 20
    )
    assert {f.what.split("=")[0] for f in deviations} == {"samples", "emotion", "gender", "age"}


def test_nothing_to_divide() -> None:
    with pytest.raises(DataError, match="got none"):
        stratify.assign_splits([], np.zeros(0, np.int64), (0.8, 0.2))


def test_the_command_keeps_copies_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """100 pictures of two classes; ten of train stand in val too, as JPEG."""
    rng = np.random.default_rng(0)
    for split, many in (("train", 80), ("val", 10)):
        for i in range(many):
            folder = tmp_path / "data" / split / FERPLUS8.labels[i % 2]
            folder.mkdir(parents=True, exist_ok=True)
            picture = cv2.resize(
                rng.integers(0, 256, (6, 6), np.uint8), (48, 48), interpolation=cv2.INTER_CUBIC
            )
            cv2.imwrite(str(folder / f"{split}-{i}.png"), picture)
            if split == "train" and i < 10:
                copy = tmp_path / "data" / "val" / folder.name / f"copy-{i}.jpg"
                copy.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(copy), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    command = [
        "restratify",
        "--dataset",
        "image_folder",
        "--data",
        str(tmp_path / "data"),
        "--no-cache",
    ]
    for out in ("a", "b"):
        assert (
            main(
                [
                    *command,
                    "--out",
                    str(tmp_path / out),
                    "--fix",
                    str(tmp_path / "moves.csv"),
                    "--json",
                ]
            )
            == 0
        )
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (
        report["splits"] == {"train": 80, "val": 10, "test": 10}
        and report["of_several"] == 10
        and report["largest"] == 2
    )
    place = {}
    for split in report["splits"]:
        repaired_samples = manifest.load(tmp_path / "a", split)
        place |= dict.fromkeys(repaired_samples.ids, split)
        assert abs((repaired_samples.emotion == 0).mean() - 0.5) <= 0.1
    pairs = [
        (
            f"train/{FERPLUS8.labels[i % 2]}/train-{i}.png",
            f"val/{FERPLUS8.labels[i % 2]}/copy-{i}.jpg",
        )
        for i in range(10)
    ]
    assert len(place) == 100 and all(place[a] == place[b] for a, b in pairs)
    assert (tmp_path / "a" / "manifest.parquet").read_bytes() == (
        tmp_path / "b" / "manifest.parquet"
    ).read_bytes()
    assert (
        main(
            [
                "audit",
                *command[1:],
                "--apply",
                str(tmp_path / "moves.csv"),
                "--out",
                str(tmp_path / "c"),
            ]
        )
        == 0
    )
    assert manifest.load(tmp_path / "c", "test").ids == manifest.load(tmp_path / "a", "test").ids
    assert main([*command, "--out", str(tmp_path / "d"), "--shares", "80/10"]) == 2
    assert (
        main([*command, "--out", str(tmp_path / "d"), "--fix", str(tmp_path / "no" / "plan.csv")])
        == 2
    )
    assert main([*command, "--out", str(tmp_path / "d"), "--seed", "1"]) == 0
    out = capsys.readouterr()
    assert "sum to 100" in out.err and "Farthest from its share" in out.out
