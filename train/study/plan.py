"""A study as it was asked for: its data, budget and folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import UserError
from core.system import ROOT
from train.fit import Job
from train.recipe.arguments import is_generated
from train.recipe.recipe import Recipe
from train.study.definition import Study, StudyMember


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What is to be trained, where and for how long.

    Attributes:
        name: of the study.
        study: its members and figures.
        out: folder of the members' run folders and of the table.
        data: value of --data; None without.
        folders: data set -> folder, `train.recipe.arguments.data_folders` of `data`.
        epochs: of each member, instead of its recipe's.
        budget_s: seconds of training for all members together.
        limit: samples of each data set; None for all.
        sets: changes of each member's recipe, as for --set.
        is_trusted: compare models with operators or sizes that are not allowed, too.
    """

    name: str
    study: Study
    out: Path
    data: str | None = None
    folders: Mapping[str, str] | None = None
    epochs: int | None = None
    budget_s: float | None = None
    limit: int | None = None
    sets: tuple[str, ...] = ()
    is_trusted: bool = False

    def job(self, member: StudyMember, share_s: float | None = None) -> Job:
        """Return the training of a member, which resumes what is there.

        Args:
            member: of this study.
            share_s: its share of the budget, seconds; None for no limit.
        """
        start = (f"start={_relative_to_root(self.out / member.start)}",) if member.start else ()
        return Job(
            member.recipe,
            (*member.sets, *start, *self.sets),
            self.data,
            self.out / member.folder,
            self.epochs,
            share_s,
            self.limit,
            resume=True,
        )

    def recipe(self, member: StudyMember) -> Recipe:
        """Return the member's resolved recipe.

        Raises:
            UserError: a --set that it has no field for.
        """
        return self.job(member).resolve()

    def check(self) -> None:
        """Check what all members need before anything is trained.

        Raises:
            UserError: no --data where one is needed, a --set that a recipe has no field for, or one
                of the seed where members differ in nothing else.
        """
        if any(m.repeats for m in self.study.members) and any(
            text.partition("=")[0].strip() == "seed" for text in self.sets
        ):
            raise UserError(
                f"Expected no --set seed with the study {self.name}, which trains members with "
                "several seeds."
            )
        for member in self.study.members:
            recipe = self.recipe(member)
            if self.folders is None and not is_generated(recipe):
                raise UserError(
                    "Expected --data DIR, the folder that holds the data sets, or --table to "
                    "train nothing; see docs/training.md."
                )


def _relative_to_root(folder: Path) -> str:
    """Return a path that means the same in every checkout, as it becomes part of the recipe."""
    path = folder.resolve()
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
