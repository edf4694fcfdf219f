"""Studies: recipes of one family, trained on the same data and budget; see train/studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core import registry
from core.errors import UserError
from train.recipe.override import override
from train.recipe.recipe import load


@dataclass(frozen=True, slots=True)
class StudyMember:
    """One training of a study.

    Attributes:
        recipe: its name.
        name: of its run folder, where it is not the recipe's.
        sets: what differs from the recipe, as for --set.
        start: name of the member whose weights it starts from.
        remark: what the source's figure was measured on; of our own studies, what it is.
        seeds: trainings of it, see `with_seeds`.
        repeats: name of the member that this one is with another seed.
    """

    recipe: str
    name: str = ""
    sets: tuple[str, ...] = ()
    start: str = ""
    remark: str = ""
    seeds: int = 1
    repeats: str = ""

    @property
    def folder(self) -> str:
        """Name of the run folder."""
        return self.name or self.recipe


@dataclass(frozen=True, slots=True)
class Study:
    """Members in the order in which they are trained, and the figures that are compared.

    A figure has the name of a column of a run's history without `val_`.

    Attributes:
        baseline: name of the member that each other one changes in one choice; empty without.
    """

    title: str
    source: str
    members: tuple[StudyMember, ...]
    figures: tuple[str, ...] = ("emotion_accuracy",)
    baseline: str = ""


def find(name: str) -> Study:
    """Return the study of that name (a file of train/studies).

    Raises:
        UserError: unknown name; suggests the nearest one.
    """
    study: Study = registry.load("train.studies", name).STUDY
    return study


def with_seeds(study: Study) -> Study:
    """Return a study in which members of several seeds are followed by a member for each more.

    Seeds count up from the member's own. Those trainings are `NAME_seed_2`, `NAME_seed_3` and so
    on, and differ from it in nothing else.
    """
    members: list[StudyMember] = []
    for member in study.members:
        members.append(replace(member, seeds=1))
        for number in range(2, member.seeds + 1):
            seed = override(load(member.recipe), member.sets).seed + number - 1
            again = replace(
                member,
                name=f"{member.folder}_seed_{number}",
                sets=(*member.sets, f"seed={seed}"),
                seeds=1,
                repeats=member.folder,
                remark="",
            )
            members.append(again)
    return replace(study, members=tuple(members))


def select(study: Study, names: Sequence[str]) -> Study:
    """Return a study of some members alone, in the study's order.

    Args:
        study: with all members.
        names: folders of those wanted; none: all. Members that one starts from come with it.

    Raises:
        UserError: there is no such member; names those of the study.
    """
    members = {m.folder: m for m in study.members}
    if unknown := [name for name in names if name not in members]:
        raise UserError(
            f"Expected --members of {', '.join(members)}, got {', '.join(map(repr, unknown))}."
        )
    wanted = set(names or members)
    for member in reversed(study.members):
        if member.folder in wanted and member.start:
            wanted.add(member.start)
    return replace(study, members=tuple(m for m in study.members if m.folder in wanted))
