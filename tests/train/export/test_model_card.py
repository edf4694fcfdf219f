"""A card says what is true of its own model: what it reads, whose labels it learnt, on which terms,
and each data set's groups.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from core import registry
from core.artifacts import bundle
from core.artifacts.card import Card, Head
from core.preprocess import InputSpec
from tests.conftest import ROOT
from train.export.model_card import describe
from train.export.provenance import label_sentences, licence, trained_on
from train.recipe.recipe import AGE, EMOTION8, GENDER, load

SHIPPED = ROOT / "assets" / "models" / "mien"
RELEASE_0_4 = ROOT / "assets" / "releases" / "mien_0_4"


def card(heads: tuple[Head, ...], *names: str, metrics: tuple[dict, ...] = ()) -> Card:
    data = tuple(
        {"name": n, "split": s, "n": 9, "fingerprint": "0" * 64}
        for s in ("train", "val")
        for n in names
    )
    return Card("made", "0", InputSpec(), heads, data=data, metrics=metrics, licence=licence(names))


def row(data: str, metric: str, value: float, group: str = "", n: int = 50) -> dict:
    return {
        "data": data,
        "split": "val",
        "metric": metric,
        "value": value,
        "ci95": [value - 0.1, value + 0.1],
        "n": n,
        "group": group,
    }


def section(text: str, title: str) -> str:
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_the_shipped_card_is_as_it_was() -> None:
    shipped, theirs = bundle.load(SHIPPED).card, (SHIPPED / "card.md").read_text(encoding="utf-8")
    ours = describe(shipped, 2_914_447)
    assert shipped.licence == licence(trained_on(load("mien"))[0])
    assert (
        ours.partition("\n\n## ")[0].splitlines()[:3]
        == theirs.partition("\n\n## ")[0].splitlines()[:3]
    )
    for title in ("Figures, on validation parts", "Figures by group", "Age intervals"):
        assert section(ours, title) == section(theirs, title) != "", title
    for line in (
        "is what ten annotators saw",
        "is apparent age in mostly posed pictures",
        "Contempt, disgust and fear are rare in FER+",
    ):
        assert line in section(ours, "Limits") and line in section(theirs, "Limits")
    assert (
        "UTKFace has no official split: ours is 80/10/10 with near duplicates on one side."
        in section(ours, "Data")
    )


def test_the_shipped_findings_are_those_of_the_recipe_and_cite_files_that_exist() -> None:
    shipped, text = bundle.load(SHIPPED).card, (SHIPPED / "card.md").read_text(encoding="utf-8")
    title = "What its training was compared with"
    assert tuple(shipped.recipe["findings"]) == load("mien").findings
    assert section(text, title) == section(describe(shipped, 1), title) != ""
    recipes = map(load, registry.names("train.recipes"))
    texts = [text, *(finding for recipe in recipes for finding in recipe.findings)]
    for cited in {path for part in texts for path in re.findall(r"\b\w+/[\w/]+\.\w+", part)}:
        assert (ROOT / cited).is_file(), cited


def test_a_model_of_drawn_emotions_says_nothing_of_other_heads_and_data() -> None:
    text = describe(
        card(
            (EMOTION8,),
            "synthetic",
            metrics=(row("synthetic", "emotion_recall", 0.5, "emotion: fear"),),
        ),
        1,
    )
    assert "\nReads emotion from one aligned 48x48 grey face crop.\n" in text
    assert "*Emotion* is what this program drew, not what a person felt." in text
    assert (
        "Emotion as this program drew them." in text and "Synthetic (drawn by this program" in text
    )
    assert (
        "The weights were trained on faces that this program draws (no licence needed). The "
        "code is MIT." in text
    )
    wrong = (
        "FER",
        "UTKFace",
        "annotat",
        "*Age*",
        "*Perceived gender*",
        "race as",
        "non-commercial",
        "official split",
    )
    assert not [w for w in wrong if w in text]


def test_without_data_a_card_goes_by_the_recipe() -> None:
    text = describe(Card("made", "0", InputSpec(), (AGE,), recipe={"data": ["imdb_wiki"]}), 1)
    assert (
        "*Age* is the time between birth and photograph" in text
        and "IMDB-WIKI (Rothe" in section(text, "Data")
    )
    assert "measured on **validation**" not in text and "| name |" not in text
    assert "*Age* is the age that a data set's labels say.\n" in describe(
        Card("made", "0", InputSpec(), (AGE,)), 1
    )


def test_data_sets_that_give_the_same_group_keep_a_row_each() -> None:
    rows = (
        row("utkface", "gender_accuracy", 0.9, "perceived gender: male"),
        row("utkface", "gender_accuracy", 0.8, "race: White"),
        row("rafdb", "gender_accuracy", 0.7, "perceived gender: male", 40),
        row("rafdb", "emotion_recall", 0.6, "emotion: fear", 30),
        row("utkface", "age_mean_absolute_error_years", 5.0, "perceived gender: male"),
    )
    card_of_two = card((EMOTION8, GENDER, AGE), "utkface", "rafdb", metrics=rows)
    groups = section(describe(Card.from_json(card_of_two.to_json()), 1), "Figures by group")
    group_rows = {
        line.split(" | ")[0].strip("| "): line for line in groups.splitlines()[5:] if line
    }
    assert list(group_rows) == [
        "perceived gender: male (utkface)",
        "race: White",
        "perceived gender: male (rafdb)",
        "emotion: fear",
    ]
    assert (
        "90.00 %" in group_rows["perceived gender: male (utkface)"]
        and "5.00" in group_rows["perceived gender: male (utkface)"]
    )
    assert (
        "70.00 %" in group_rows["perceived gender: male (rafdb)"]
        and "| 40 |" in group_rows["perceived gender: male (rafdb)"]
    )
    assert (
        "Perceived gender and race as UTKFace's labels say; emotion and perceived gender as "
        "RAF-DB's labels say." in groups
    )


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("manifest", "as the manifest's labels say."),
        ("image_folder", "as the names of the folders say."),
        ("any_pictures", "as the list of pictures says."),
    ],
)
def test_pictures_without_publishers_have_no_name_of_their_own(name: str, labels: str) -> None:
    rows = (row(name, "emotion_recall", 0.6, "emotion: fear", 30),)
    text = describe(card((EMOTION8,), name, metrics=rows), 1)
    assert f"Emotion {labels}" in section(text, "Figures by group")
    origin = registry.load("core.data", name).ORIGIN
    first = origin.name[0]
    assert first.islower() and f"{first.upper()}{origin.name[1:]} (" in section(text, "Data")


def test_each_data_set_says_what_its_own_labels_are() -> None:
    sentences = label_sentences(
        card((EMOTION8, GENDER), "ferplus", "rafdb", "utkface", "ffhq_features")
    )
    assert sentences == [
        "*Emotion* in FER+ is what ten annotators saw in a picture, not what a person felt. "
        "They often disagreed; the probabilities reflect that.",
        "*Emotion* in RAF-DB is what some forty annotators saw in a picture, not what a "
        "person felt.",
        "*Emotion* in FFHQ is what Microsoft's Face API read from a picture, not what a "
        "person felt.",
        "*Perceived gender* in RAF-DB and UTKFace follows the data set's binary annotation by "
        "look. It says nothing about who somebody is.",
        "*Perceived gender* in FFHQ follows what Microsoft's Face API read from a picture. It "
        "says nothing about who somebody is.",
    ]


def test_an_emotion_is_rare_by_its_share() -> None:
    recalls = {"fear": 4, "anger": 60, "neutral": 200}
    rows = tuple(
        row("rafdb", "emotion_recall", 0.5, f"emotion: {k}", n) for k, n in recalls.items()
    )
    sentences = label_sentences(card((EMOTION8,), "rafdb", metrics=rows))
    assert (
        sentences[-1]
        == "Fear is rare in RAF-DB (at most 4 validation pictures): its figure has a wide interval."
    )


@pytest.mark.parametrize("name", registry.names("core.data"))
def test_a_licence_names_its_data_and_their_terms(name: str) -> None:
    origin = registry.load("core.data", name).ORIGIN
    for names in ([name], ["utkface", name], [name, "rafdb"]):
        text = licence(names)
        assert (
            (origin.pictures or origin.name) in text
            and origin.licence in text
            and text.endswith("The code is MIT.")
        )
        assert ("FER" in text) == (name in ("ferplus", "fer2013", "ferplus_fer2013"))


def test_terms_that_differ_are_all_told() -> None:
    assert licence(["rafdb", "utkface"]) == (
        "The weights were trained on RAF-DB (non-commercial research, by agreement with the "
        "publishers) and on UTKFace (non-commercial "
        "research): they may be used only as all of these allow. The code is MIT."
    )
    assert "on UTKFace and on KDEF, all for" in licence(["fer2013", "utkface", "kdef"])
    assert "elsewhere (terms not known here): they may be used only as that allows" in licence(
        ["elsewhere"]
    )


def test_the_weights_that_a_run_began_with_count() -> None:
    recipe = load("agegendernet_wiki")
    assert trained_on(recipe) == (("wiki", "utkface"), ())
    assert trained_on(replace(recipe, start="")) == (("wiki",), ())
    names, gone = trained_on(replace(recipe, start=str(Path("/nowhere/run"))))
    assert (names, gone) == (("wiki",), ("/nowhere/run",))
    assert "They began as those of /nowhere/run, whose data are not known here." in licence(
        names, gone
    )
    assert trained_on(replace(recipe, start=str(RELEASE_0_4)))[0] == ("wiki", "ferplus", "utkface")
