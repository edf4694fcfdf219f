"""Which outputs are golden: name -> function that makes the output anew."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.golden import adapter, studio_figures

FILES = Path(__file__).resolve().parent / "files"

STUDIO = (
    "overview",
    "filters",
    "confusion",
    "samples",
    "summary",
    "each_class",
    "confidence",
    "age_errors",
    "by_group",
    "pairs",
    "navigation",
)
"""Methods of `studio_figures.Studio`."""


def _train() -> dict[str, Callable[[], Any]]:
    return {
        "train-list": adapter.recipe_list,
        "train-recipes": adapter.recipes,
        "train-studies": partial(adapter.train, "study", "--list"),
        "card": adapter.card,
    }


def _evaluation() -> dict[str, Callable[[], Any]]:
    run, mien, unaligned = adapter.evaluation, adapter.MIEN, adapter.UNALIGNED
    outputs: dict[str, Callable[[], Any]] = {}
    for data in ("ferplus", "utkface"):
        outputs[f"report-mien-{data}"] = partial(run, "report", mien[data])
        outputs[f"report-whole-{data}"] = partial(run, "report", unaligned[data])
        outputs[f"compare-{data}"] = partial(run, "compare", unaligned[data], mien[data])
        outputs[f"slices-mien-{data}"] = partial(run, "slices", mien[data])
        outputs[f"slices-whole-{data}"] = partial(run, "slices", unaligned[data])
        task = "emotion" if data == "ferplus" else "gender"
        plan = partial(run, "plan", mien[data], "--task", task)
        outputs[f"plan-precision-{data}"] = partial(plan, "--precision", 0.9)
        outputs[f"plan-coverage-{data}"] = partial(plan, "--coverage", 0.8)
        outputs[f"plan-one-{data}"] = partial(plan, "--precision", 0.9, "--one")
        for command in ("report", "slices"):
            outputs[f"{command}-clustered-{data}"] = partial(_clustered, command, f"mien-{data}")
        both = (f"whole-{data}", f"mien-{data}")
        outputs[f"compare-clustered-{data}"] = partial(_clustered, "compare", *both)
    wish = ("--task", "emotion", "--precision", 0.9, "--one")
    outputs["plan-one-clustered"] = partial(_clustered, "plan", "mien-ferplus", more=wish)
    outputs["runs"] = partial(run, "runs", adapter.SAMPLE / "runs")
    outputs["audit-list"] = partial(run, "audit", "--list")
    outputs["audit"] = adapter.audit
    outputs["robustness-table"] = adapter.robustness_table
    outputs["robustness-figures"] = adapter.robustness_figures
    return outputs


def _clustered(command: str, *tables: str, more: tuple[object, ...] = ()) -> Any:
    return adapter.evaluation(command, *(adapter.clustered()[t] for t in tables), *more)


def _studio() -> dict[str, Callable[[], Any]]:
    return {
        f"studio-{kind}-{name}": partial(_asked, kind, name)
        for kind in ("shipped", "clustered")
        for name in STUDIO
    }


def _asked(kind: str, name: str) -> Any:
    return getattr(studio_figures.studio(kind), name)()


GOLDENS: dict[str, Callable[[], Any]] = {**_train(), **_evaluation(), **_studio()}
