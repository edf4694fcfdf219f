"""Studies: recipes of one family, trained on the same data and budget; see train/studies."""

from __future__ import annotations

from dataclasses import dataclass

from core import registry


@dataclass(frozen=True, slots=True)
class StudyMember:
    """One training of a study.

    Attributes:
        recipe: its name.
        name: of its run folder, where it is not the recipe's.
        sets: what differs from the recipe, as for --set.
        start: name of the member whose weights it starts from.
        remark: what the source's figure was measured on.
    """

    recipe: str
    name: str = ""
    sets: tuple[str, ...] = ()
    start: str = ""
    remark: str = ""

    @property
    def folder(self) -> str:
        """Name of the run folder."""
        return self.name or self.recipe


@dataclass(frozen=True, slots=True)
class Study:
    """Members in the order in which they are trained, and the figures that are compared.

    A figure has the name of a column of a run's history without `val_`.
    """

    title: str
    source: str
    members: tuple[StudyMember, ...]
    figures: tuple[str, ...] = ("emotion_accuracy",)


def find(name: str) -> Study:
    """Return the study of that name (a file of train/studies).

    Raises:
        UserError: unknown name; suggests the nearest one.
    """
    study: Study = registry.load("train.studies", name).STUDY
    return study
