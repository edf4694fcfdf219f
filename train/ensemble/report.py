"""The result of building an ensemble: as JSON, as the folder's card, and as tables on stdout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.ensemble import Ensemble
from core.vocabulary import TASKS
from evaluation.report.formatting import console, number, print_table
from evaluation.report.markdown import table as markdown_table
from evaluation.statistics.estimate import Estimate
from train.ensemble.figures import GainRow
from train.ensemble.weights import TaskWeights
from train.export.card_texts import INTENDED_USE
from train.export.model_card import limits

OUT_OF_FOLD_NOTE = (
    "With 95 % intervals. Each picture was predicted with weights and temperatures that were "
    "chosen on other pictures. The same parts selected the members' checkpoints and temperatures."
)


@dataclass(frozen=True, slots=True, eq=False)
class EnsembleResult:
    """What was built.

    Attributes:
        out: the folder.
        name: of the ensemble.
        members: {name, model, sha256, flip, weights} of each.
        weights: by task.
        gains: one for each data set and task.
    """

    out: Path
    name: str
    members: Sequence[Mapping[str, Any]]
    weights: Mapping[str, TaskWeights]
    gains: Sequence[GainRow]

    def to_dict(self) -> dict[str, object]:
        """Return what `--json` prints."""
        tasks = {
            task: {
                "fitted": w.fitted,
                "gain": {"value": w.gain, "low": w.gain_low, "high": w.gain_high},
                "calibration": w.calibration,
            }
            for task, w in self.weights.items()
        }
        return {
            "out": str(self.out),
            "name": self.name,
            "members": list(self.members),
            "tasks": tasks,
            "figures": [asdict(gain) for gain in self.gains],
        }


def card(ensemble: Ensemble, gains: Sequence[GainRow]) -> str:
    """Return `card.md` of the folder."""
    about, members = ensemble.card, ensemble.card.recipe["ensemble"]
    tasks = list(ensemble.shares)
    columns = ("model", *(TASKS[task].name for task in tasks), "flip averaging", "SHA-256")
    cells = [
        (
            f"{m['model']}: {m['name']} {m['version']}",
            *(f"{m['weights'][t]:.2f}" if m["weights"][t] else "" for t in tasks),
            "yes" if m["flip"] else "",
            f"`{m['sha256'][:16]}...`",
        )
        for m in members
    ]
    calibration, thresholds = (
        ", ".join(f"{TASKS[t].name} {values[t]:.2f}" for t in tasks if t in values) or "none"
        for values in (about.calibration, about.thresholds)
    )
    lines = [
        f"# {about.name}, an ensemble of {len(members)}\n",
        "Probabilities of these models, averaged with these weights:\n",
        f"{markdown_table(columns, cells)}\n",
        f"Calibration of the averages: {calibration}. Thresholds of *uncertain*: {thresholds}. "
        f"{ensemble.size:,} bytes.\n",
        f"## Figures, on validation parts\n\n{OUT_OF_FOLD_NOTE}\n",
    ]
    gain_rows = []
    for gain in gains:
        best, ours = (_figure(gain, figure) for figure in (gain.members[gain.best], gain.ensemble))
        part = f"{gain.data} {gain.split}"
        gain_rows.append((_title(gain), part, f"{gain.n:,}", best, ours, _difference(gain)))
    titles = ("figure", "data", "n", "best member alone", "ensemble", "difference")
    licence = f"Licence: {about.licence or 'not stated'}. Made: {about.created}."
    return "\n".join(
        [*lines, markdown_table(titles, gain_rows), "", INTENDED_USE, limits(about), licence, ""]
    )


def _figure(gain: GainRow, figure: Estimate | None) -> str:
    return number(figure, percent=TASKS[gain.task].metric.is_share)


def _title(gain: GainRow) -> str:
    metric = TASKS[gain.task].metric
    return f"{TASKS[gain.task].name}, {metric.title}" + (
        f" in {metric.unit}" if metric.unit == "years" else ""
    )


def _difference(gain: GainRow) -> str:
    text = number(gain.difference, percent=TASKS[gain.task].metric.is_share, sign=True)
    return text if gain.better else f"{text}: no gain shown"


def show(result: EnsembleResult) -> None:
    """Print weights and figures on stdout."""
    stdout = console()
    tasks = result.weights
    weights = (
        [
            f"{m['model']}{' (flip averaging)' if m['flip'] else ''}",
            *(f"{m['weights'][t]:.3f}" for t in tasks),
        ]
        for m in result.members
    )
    print_table(stdout, f"{result.out}: weights", ["member", *tasks], weights)
    if len(result.members) > 1:
        for task, w in tasks.items():
            kind = "fitted" if w.fitted else "equal, as fitted ones gain no more than chance"
            stdout.print(
                f"{TASKS[task].name}: weights are {kind}; fitted ones lower the loss on other "
                f"folds by {w.gain:+.4f} ({w.gain_low:+.4f} to {w.gain_high:+.4f})"
            )
    for gain in result.gains:
        title = f"{_title(gain)}, {gain.data} {gain.split}, {gain.n} samples"
        rows = [
            [f"{m['model']} alone", _figure(gain, figure)]
            for m, figure in zip(result.members, gain.members, strict=True)
        ]
        rows.append(["ensemble, cross-fitted", _figure(gain, gain.ensemble)])
        best = result.members[gain.best]["model"]
        rows.append([f"ensemble minus {best} alone", _difference(gain)])
        print_table(stdout, title, ["model", "value"], rows)
