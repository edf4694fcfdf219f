"""Members with several seeds, and how far members differ from a study's baseline."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import UserError
from tests.train.study.test_table import status_of
from train.study.definition import Study, StudyMember, find, with_seeds
from train.study.differences import BaselineDifference, baseline_differences
from train.study.page import markdown
from train.study.plan import StudyPlan
from train.study.result import study_result
from train.study.table import study_rows
from train.study.verdict import verdict

STUDY = with_seeds(
    Study(
        "made",
        "ours",
        (
            StudyMember("mien_ferplus_utkface", "as_it_is", seeds=3),
            StudyMember(
                "mien_ferplus_utkface",
                "larger_steps",
                ("optim.lr=1e-2",),
                seeds=2,
                remark="tenfold",
            ),
            StudyMember("mien_ferplus_utkface", "never_trained", ("optim.lr=1e-3",)),
        ),
        baseline="as_it_is",
    )
)
ACCURACIES = {
    "as_it_is": 0.80,
    "as_it_is_seed_2": 0.81,
    "as_it_is_seed_3": 0.79,
    "larger_steps": 0.70,
    "larger_steps_seed_2": 0.74,
}


def paired(first: str, second: str, figure: str) -> tuple[float, float, float]:
    difference = ACCURACIES[first] - ACCURACIES[second]
    return difference, difference - 0.02, difference + 0.02


def test_seeds_count_up_from_the_member_s_own(tmp_path: Path) -> None:
    plan = StudyPlan("made", STUDY, tmp_path)
    assert [m.folder for m in STUDY.members] == [*ACCURACIES, "never_trained"]
    seeds = {m.folder: plan.recipe(m).seed for m in STUDY.members}
    first = seeds["as_it_is"]
    assert list(seeds.values()) == [first, first + 1, first + 2, first, first + 1, first]
    rates = [plan.recipe(m).optim.lr for m in STUDY.members]
    assert rates[3:5] == [1e-2] * 2, "a repeat has its member's changes"
    own = Study("own", "ours", (StudyMember("mien_ferplus_utkface", sets=("seed=40",), seeds=2),))
    repeat = with_seeds(own).members[1]
    assert plan.recipe(repeat).seed == 41 and repeat.folder == "mien_ferplus_utkface_seed_2"


def test_a_seed_for_all_would_make_repeats_the_same(tmp_path: Path) -> None:
    plan = StudyPlan("made", STUDY, tmp_path, folders={"*": "."}, sets=("seed=1",))
    with pytest.raises(UserError, match=r"no --set seed .* several seeds"):
        plan.check()
    once = Study("once", "ours", (StudyMember("mien_ferplus_utkface"),))
    StudyPlan("once", once, tmp_path, folders={"*": "."}, sets=("seed=1",)).check()


def test_differences_are_taken_seed_by_seed() -> None:
    (difference,) = baseline_differences(STUDY, ACCURACIES, paired)
    assert difference.member == "larger_steps" and difference.figure == "emotion_accuracy"
    assert difference.value == pytest.approx(-0.10)
    assert difference.more_seeds == pytest.approx((0.74 - 0.81,))
    without_second = [name for name in ACCURACIES if name != "as_it_is_seed_2"]
    (difference,) = baseline_differences(STUDY, without_second, paired)
    assert difference.more_seeds == (), "the baseline lacks that seed"
    assert baseline_differences(STUDY, ["larger_steps"], paired) == []
    assert baseline_differences(find("fer_depth"), ACCURACIES, paired) == []


def test_an_unknown_difference_is_left_out() -> None:
    assert baseline_differences(STUDY, ACCURACIES, lambda a, b, figure: None) == []


def test_the_page_has_them_and_ranks_no_repeat(tmp_path: Path) -> None:
    statuses = {name: status_of(v, v - 0.03, v + 0.03) for name, v in ACCURACIES.items()}
    statuses["never_trained"] = type(statuses["as_it_is"])("new", "nothing there")
    plan = StudyPlan("made", STUDY, tmp_path)
    rows = study_rows(plan, statuses, {})
    result = study_result(
        plan,
        "the command",
        statuses,
        rows,
        verdict(plan, rows, statuses, paired),
        baseline_differences(STUDY, ACCURACIES, paired),
    )
    text = markdown(result)
    assert "| member | emotion: accuracy, points |" in text
    assert "| `larger_steps` | **-10.00** (-12.00 to -8.00); -7.00 |" in text
    assert "Our order, best first: as_it_is 80.00 %, larger_steps 70.00 %." in text
    assert "| `larger_steps_seed_2` |" in text, "its own row is in the table"
    assert "The members:" in text and "- larger_steps: tenfold" in text
    assert result.to_dict()["differences"][0]["member"] == "larger_steps"


def test_a_difference_that_may_be_chance_is_not_bold(tmp_path: Path) -> None:
    plan = StudyPlan("made", STUDY, tmp_path)
    chance = BaselineDifference("larger_steps", "emotion_accuracy", 0.01, -0.01, 0.03, ())
    statuses = {m.folder: status_of(0.8, 0.7, 0.9) for m in STUDY.members}
    rows = study_rows(plan, statuses, {})
    assert "| +1.00 (-1.00 to +3.00) |" in markdown(
        study_result(plan, "", statuses, rows, [], [chance])
    )
