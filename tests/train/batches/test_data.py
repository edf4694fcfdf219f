"""Samples for training: a recipe's classes, missing labels, weights, limits, prepared crops."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.data import Samples
from core.data.base import crop_cache
from core.data.base.samples import missing
from core.errors import DataError
from core.faces import best_detector
from core.labels import FER4, FERPLUS8
from tests.core.data import trees
from tests.train.conftest import part_of
from train.__main__ import main
from train.batches.data import DatasetPart, load_parts, relabel
from train.batches.pool import gather, targets_of
from train.loop.validate import class_of
from train.recipe.override import override
from train.recipe.recipe import AGE, load
from train.recipe.settings import Loss


def samples(
    emotions: list[str | None],
    votes: dict[int, dict[str, float]] | None = None,
    ages: dict[int, float] | None = None,
) -> Samples:
    n = len(emotions)
    columns = missing(n)
    columns["emotion"] = np.array([-1 if e is None else FERPLUS8.index(e) for e in emotions])
    for i, shares in (votes or {}).items():
        columns["emotion_votes"][i] = [shares.get(label, 0) for label in FERPLUS8.labels]
    for i, age in (ages or {}).items():
        columns["age"][i] = age
    names = tuple(str(i) for i in range(n))
    return Samples("made", "train", Path(), names, tuple(map(Path, names)), **columns)


def test_relabel_drops_what_has_no_image_and_says_so(capsys: pytest.CaptureFixture) -> None:
    relabelled, shares = relabel(
        samples(["sadness", "anger", None, "happiness"]), load("fer_cnn_a")
    )
    assert relabelled.ids == ("0", "2", "3")
    assert relabelled.emotion.tolist() == [FER4.index("sadness"), -1, FER4.index("happiness")]
    assert shares[0].tolist() == [0, 0, 1, 0] and np.isnan(shares[1]).all()
    assert "dropped 1 of 4" in capsys.readouterr().err


def test_a_sample_with_another_target_stays() -> None:
    recipe = load("mobileone_s2")  # six emotions without disgust, gender, age
    relabelled, shares = relabel(samples(["disgust", "disgust", "anger"], ages={0: 30.0}), recipe)
    assert (
        relabelled.ids == ("0", "2")
        and np.isnan(shares[0]).all()
        and relabelled.emotion.tolist() == [-1, 0]
    )


def test_votes_collapse_or_become_one_label() -> None:
    voted = samples(["sadness"], {0: {"sadness": 0.5, "neutral": 0.3, "anger": 0.2}})
    soft = replace(load("fer_cnn_a"), soft_labels=True)
    _, shares = relabel(voted, soft)
    assert shares[0].tolist() == pytest.approx([0, 0.375, 0.625, 0])
    _, shares = relabel(voted, load("fer_cnn_a"))
    assert shares[0].tolist() == [0, 0, 1, 0]


def test_missing_targets_weigh_nothing() -> None:
    recipe = load("mien_ferplus_utkface")
    parts = [
        part_of(recipe, 6, name="a", tasks=("emotion",)),
        part_of(recipe, 4, name="b", tasks=("gender", "age")),
    ]
    pool = gather(parts, recipe)
    assert len(pool) == 10 and pool.source.tolist() == [0] * 6 + [1] * 4
    batch = pool.batch(torch.tensor([9, 0, 6]))
    assert np.array_equal(batch.x[0].permute(1, 2, 0).numpy(), parts[1].crops[3])
    assert np.array_equal(batch.x[1].permute(1, 2, 0).numpy(), parts[0].crops[0])
    assert batch.weights["emotion"].tolist() == [0, 1, 0] and batch.weights["age"].tolist() == [
        1,
        0,
        1,
    ]
    assert batch.targets["gender"][1].tolist() == [0, 0]
    assert batch.targets["gender"][0].argmax() == parts[1].samples.gender[3]
    assert all(torch.isfinite(t).all() for t in batch.targets.values())


def test_validation_may_have_other_data_than_training(tmp_path: Path) -> None:
    more = load("production_b0_more")
    assert set(more.datasets("train")) - set(more.datasets("val")) == {
        "jaffe",
        "kdef",
        "oulu_casia",
    }
    assert override(more, ["validation="]).datasets("val") == more.data
    recipe = override(load("fer_cnn_a"), ["data=image_folder,fer2013", "validation=fer2013"])
    folders = {name: str(tmp_path / name) for name in recipe.data}
    for name, folder in folders.items():
        Path(folder).mkdir()
        getattr(trees, name)(Path(folder))
    detector, _ = best_detector()
    names = {
        split: [p.samples.name for p in load_parts(recipe, folders, split, detector)]
        for split in ("train", "val")
    }
    assert names == {"train": ["image_folder", "fer2013"], "val": ["fer2013"]}
    with pytest.raises(DataError, match="To do without utkface: --set validation=fer2013,rafdb"):
        load_parts(more, {"fer2013": folders["fer2013"]}, "val", detector)


def test_ranges_of_ages_are_targets_where_the_loss_takes_them() -> None:
    recipe = override(load("mien_ferplus_utkface"), ["losses.age.name=age_interval"])
    exact, ranged = part_of(recipe, 4, name="a"), part_of(recipe, 4, name="b")
    bounds = np.array([[3, 9], [0, 2], [70, 116], [10, 19]], np.float32)
    ranged = replace(ranged, samples=replace(ranged.samples, age_ranges=bounds))
    pool = gather([exact, ranged], recipe)
    assert pool.targets["age"][4:].tolist() == bounds.tolist() and not pool.absent("age")
    years = exact.samples.age
    assert np.array_equal(pool.targets["age"][:4].numpy(), np.stack([years, years], axis=1))
    assert gather([ranged], load("mien_ferplus_utkface")).targets["age"].ndim == 1
    assert ranged.samples.take(slice(2, 3)).age_bounds.tolist() == [[70, 116]]


def test_samples_that_teach_nothing_are_left_out() -> None:
    recipe = load("fer_cnn_a")
    relabelled, shares = relabel(samples(["sadness", None]), recipe)
    part = DatasetPart(relabelled, np.zeros((2, 48, 48, 1), np.uint8), shares)
    assert len(gather([part], recipe)) == 1
    with pytest.raises(DataError, match="labelled for one of"):
        gather([DatasetPart(relabelled.take(slice(1, 2)), part.crops[1:], shares[1:])], recipe)


def test_balanced_weights_are_scikit_learns() -> None:
    from sklearn.utils.class_weight import compute_sample_weight

    recipe = load("fer_cnn_a")
    assert recipe.losses["emotion"].balanced
    part = part_of(recipe, 50)
    pool = gather([part], recipe)
    assert np.allclose(
        pool.weights["emotion"], compute_sample_weight("balanced", part.samples.emotion)
    )
    plain = gather([part], replace(recipe, losses={"emotion": Loss("cross_entropy")}))
    assert plain.weights["emotion"].unique().tolist() == [1.0]


def test_a_sigmoid_head_answers_its_first_label_above_zero() -> None:
    head = next(h for h in load("agegendernet_ffhq").heads if h.task == "gender")
    assert head.labels == ("female", "male")
    assert class_of(np.array([[2.0], [-1.0]]), head).tolist() == [0, 1]
    part = part_of(load("agegendernet_ffhq"), 5)
    target, has_target = targets_of(part, "gender")
    assert has_target.all() and target.argmax(axis=1).tolist() == part.samples.gender.tolist()


def test_a_missing_data_set_is_told_before_any_is_aligned(tmp_path: Path) -> None:
    def detector(*_: object) -> None:
        pytest.fail("a face was searched")

    with pytest.raises(DataError, match=r"--set data=affectnet$"):
        load_parts(load("fer_cnn_b_plus"), {"*": str(tmp_path)}, "train", detector)
    trees.ferplus(tmp_path / "ferplus")
    with pytest.raises(DataError, match=r"`affectnet`.* --set data=ferplus$"):
        load_parts(load("fer_cnn_b_plus"), {"*": str(tmp_path)}, "train", detector)


def test_a_limit_takes_samples_from_the_whole_list() -> None:
    recipe = load("fer_cnn_0")
    recipe = replace(
        recipe, data=("synthetic",), heads=(AGE,), losses={"age": Loss("mean_absolute_error")}
    )
    detector, _ = best_detector()
    [full], [some] = (load_parts(recipe, {"*": "."}, "val", detector, n) for n in (None, 5))
    assert len(some) == 5 and [some.samples.ids[i] for i in (0, -1)] == [
        full.samples.ids[i] for i in (0, -1)
    ]


def test_a_picture_that_cannot_be_read_is_gone_from_every_view(
    small_data: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(small_data, tmp_path / "data")
    recipe, (detector, _) = (
        replace(load("mien_ferplus_utkface"), data=("ferplus",)),
        best_detector(),
    )
    [loaded] = load_parts(recipe, {"*": str(folder)}, "val", detector)
    loaded.samples.paths[1].write_bytes(b"no picture")
    [part] = load_parts(recipe, {"*": str(folder)}, "val", detector)
    assert part.samples.ids == loaded.samples.ids[:1] + loaded.samples.ids[2:]
    assert part.crops_for is not None and np.array_equal(part.crops_for(recipe.input), part.crops)
    assert part.crops_for(recipe.input.wider(0.9)).shape == part.crops.shape


def test_prepared_crops_are_those_that_training_asks_for(
    small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a recipe that leaves classes out."""
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    detector, _ = best_detector()
    monkeypatch.setattr("core.faces.best_detector", lambda: (detector, "as it is"))
    assert (
        main(
            [
                "prepare",
                "ferplus",
                "--data",
                str(small_data),
                "--recipe",
                "fer_cnn_grey",
                "--split",
                "val",
            ]
        )
        == 0
    )
    monkeypatch.setattr(crop_cache, "_make", lambda *_: pytest.fail("aligned again"))
    recipe = replace(load("fer_cnn_grey"), data=("ferplus",))
    (part,) = load_parts(recipe, {"*": str(small_data)}, "val", detector)
    assert 0 < len(part) < 36, "some classes are left out"
