"""The list of a recipe's pictures: each picture of its data sets once, by split."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pyarrow.parquet as pq

from core.data import synthetic
from scripts import picture_list
from tests.conftest import ROOT
from train.recipe.recipe import load


def test_each_picture_of_both_splits_is_listed() -> None:
    recipe = replace(load("fer_cnn_a"), data=("synthetic",), validation=())
    rows = picture_list.list_pictures(recipe, ".").to_pylist()
    for split in picture_list.SPLITS:
        listed = [row["id"] for row in rows if row["split"] == split]
        assert listed == list(synthetic.load(".", split).ids)
    assert {row["dataset"] for row in rows} == {"synthetic"}


def test_the_list_of_the_shipped_recipe_has_no_picture_in_two_splits() -> None:
    rows = pq.read_table(ROOT / "assets/splits/mien.parquet").to_pylist()
    recipe = load("mien")
    assert {r["dataset"] for r in rows} == {*recipe.datasets("train"), *recipe.datasets("val")}
    pictures = Counter((row["dataset"].removesuffix("_fer2013"), row["id"]) for row in rows)
    assert max(pictures.values()) == 1
