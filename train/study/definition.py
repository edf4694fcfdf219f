"""Studies: recipes of one family on the same data and budget, each in its own run folder, then one
table; see train/studies.

A member that is finished is never trained again, also not for another study with the same --out;
one that is not goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from core import progress, registry
from core.artifacts.downloads import ROOT
from core.errors import DataError, UserError
from train.recipe.arguments import drawn
from train.recipe.recipe import Recipe, load, override
from train.study import launch

Call = Callable[[list[str]], tuple[int, str]]
"""Arguments of `python -m train` -> exit status and the text of its error."""


@dataclass(frozen=True)
class Member:
    """recipe: its name. name: of its run folder, where it is not the recipe's. sets: what differs
    from the recipe, as for --set. start: name of the member whose run it begins with. remark: what
    the source's figure was measured on.
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


@dataclass(frozen=True)
class Study:
    """members: in the order in which they are trained. figures: what is compared, as a run's
    history names it without `val_`.
    """

    title: str
    source: str
    members: tuple[Member, ...]
    figures: tuple[str, ...] = ("emotion_accuracy",)


@dataclass(frozen=True)
class Plan:
    """A study as asked for. folders: `train.recipe.arguments.data_folders` of --data, None without.
    budget_s: for all members together.
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

    def assignments(self, m: Member) -> list[str]:
        """What differs from the member's recipe, as for --set; what the user says comes last."""
        start = [f"start={_from_root(self.out / m.start)}"] if m.start else []
        return [*m.sets, *start, *self.sets]

    def recipe(self, m: Member) -> Recipe:
        """The member's resolved recipe.

        Raises:
            UserError: a --set that it has no field for.
        """
        epochs = [f"epochs={self.epochs}"] if self.epochs is not None else []
        return override(load(m.recipe), [*self.assignments(m), *epochs])

    def arguments(self, m: Member, share_s: float | None) -> list[str]:
        """Those of `python -m train` that train the member, or go on with it."""
        words = [m.recipe, "--out", str(self.out / m.folder), "--resume"]
        words += ["--data", self.data] if self.data else []
        words += ["--epochs", str(self.epochs)] if self.epochs is not None else []
        words += ["--budget", f"{share_s:.3f}s"] if share_s is not None else []
        words += ["--limit", str(self.limit)] if self.limit is not None else []
        return words + [word for text in self.assignments(m) for word in ("--set", text)]


def find(name: str) -> Study:
    """The study of that name (a file of train/studies).

    Raises:
        UserError: unknown name; suggests the nearest one.
    """
    return registry.load("train.studies", name).STUDY


def _from_root(folder: Path) -> str:
    """A path that means the same in every checkout, where it can: it becomes part of the recipe."""
    whole = folder.resolve()
    return str(whole.relative_to(ROOT)) if whole.is_relative_to(ROOT) else str(whole)


def train_members(plan: Plan, call: Call | None = None) -> dict[str, str]:
    """Trains what is not finished, one after the other, each with an equal share of the budget.
    Returns why members failed, by folder; one that fails does not stop the others.

    Raises:
        UserError: a --set that a member's recipe has no field for, before anything is trained.
    """
    from train.runs.status import look

    recipes = {m.folder: plan.recipe(m) for m in plan.study.members}
    data = {m.folder: data_of(plan, recipes[m.folder]) for m in plan.study.members}
    failed: dict[str, str] = {}
    waiting: list[Member] = []
    for m in plan.study.members:
        there = look(plan.out / m.folder, recipes[m.folder], data[m.folder])
        if there.state == "finished":
            progress.say(f"{m.folder}: finished")
        elif there.state == "foreign":
            failed[m.folder] = there.why
            progress.say(f"{m.folder}: {there.why}")
        else:
            waiting.append(m)
    share = plan.budget_s / len(waiting) if plan.budget_s and waiting else None
    started = monotonic()
    for i, m in enumerate(waiting):
        left = (
            f", about {(monotonic() - started) / i * (len(waiting) - i) / 60:.0f} min left"
            if i
            else ""
        )
        progress.say(f"study {plan.name}: {m.folder} ({i + 1} of {len(waiting)} to train{left})")
        status, why = (call or launch.call)(plan.arguments(m, share))
        if status:
            failed[m.folder] = why
            progress.say(f"study {plan.name}: {m.folder} failed, the next goes on")
    return failed


Expected = list[dict[str, Any]]
"""{name, split, fingerprint, n} of the data that a run has to have seen."""
_seen: dict[tuple[str, str, str, int | None], Any] = {}


def data_of(plan: Plan, recipe: Recipe) -> Expected | None:
    """The data that --data and --limit mean for a recipe; None where there is no telling, as they
    are not here.
    """
    from train.batches.data import relabel

    found: Expected = []
    try:
        for name in recipe.data:
            module = registry.load("core.data", name)
            folders = plan.folders or {}
            folder = folders.get(
                name, folders.get("*", "." if getattr(module, "GENERATED", False) else None)
            )
            if folder is None:
                return None
            for split in ("train", "val"):
                key = (name, folder, split, plan.limit)
                if key not in _seen:
                    with progress.task(f"look at {name} {split}"):
                        _seen[key] = module.load(folder, split).spread(plan.limit)
                kept, _ = _quietly(relabel, _seen[key], recipe)
                found.append(
                    {"name": name, "split": split, "fingerprint": kept.fingerprint, "n": len(kept)}
                )
    except DataError:
        return None  # training says it better, with the way out
    return found


def _quietly(work: Callable[..., Any], *arguments: Any) -> Any:
    """`work` without the lines that it says; training says them again."""
    with progress.console().capture():
        return work(*arguments)


def check(plan: Plan, members: Sequence[Member]) -> None:
    """Raises:
    UserError: no --data where one is needed.
    """
    for m in members:
        if plan.folders is None and not drawn(plan.recipe(m)):
            raise UserError(
                "Expected --data DIR, the folder that holds the data sets, or --table to train nothing; see README, Retrain."
            )
