"""What an ensemble brings: its figures beside its members', from cross-fitted predictions, as rows,
as a card and as a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from core.data import Samples
from core.ensemble import Ensemble, Values, canonical
from core.labels import FERPLUS8
from evaluation.analysis.classification import ClassificationReport
from evaluation.analysis.comparison import compare
from evaluation.analysis.regression import RegressionReport
from evaluation.analysis.summary import table_report
from evaluation.analysis.thresholds import single_threshold
from evaluation.predictions import arrays
from evaluation.predictions.columns import assemble, prediction_columns
from evaluation.report.text import console, grid, number
from evaluation.statistics.estimate import Estimate
from train.ensemble.weights import Weighed, calibrated
from train.export.model_card import INTENDED
from train.export.model_card import limits as not_said
from train.export.thresholds import ACCURACY, ANSWERED, CROSSED, ENOUGH, WIDE, ci95

CARD = "card.md"
MAIN = {"emotion": "accuracy", "gender": "accuracy", "age": "mae"}
"""By what the members and the ensemble are compared."""
IN_CARD = (
    ("emotion", "accuracy", "emotion_accuracy"),
    ("emotion", "macro_f1", "emotion_macro_f1"),
    ("emotion", "ece", "emotion_expected_calibration_error"),
    ("gender", "accuracy", "gender_accuracy"),
    ("age", "mae", "age_mean_absolute_error_years"),
    ("age", "bias", "age_bias_years"),
    ("age", "coverage", CROSSED),
)
"""Task, figure of `evaluation.analysis.summary`, metric in a card."""
TITLES = {
    "emotion": "emotion, accuracy",
    "gender": "perceived gender, accuracy",
    "age": "age, mean absolute error in years",
}
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Of one data set. rows: {data, split, task, metric, n, members: [figure], ensemble: figure,
    best, difference: figure, better}, where a figure is {value, low, high, n}, members those of
    each alone and not mirrored, best the place of the best of these, difference the ensemble minus
    it. metrics: rows of a card. table: the ensemble's predictions.
    """

    rows: list[Row]
    metrics: list[Row]
    table: pa.Table


def measure(
    ensemble: Ensemble,
    name: str,
    weighed: Mapping[str, Weighed],
    samples: Samples,
    members: Sequence[Values],
    alone: Sequence[Values],
    at: slice,
) -> Measured:
    """members: what each says of the N samples, as `Ensemble.each` gives it; alone: the same
    without mirroring. at: the samples' rows in `weighed`.
    """
    head = ensemble.card.head("emotion")
    if head is not None:  # truths that no answer can meet are left out, as in training
        known = np.isin(FERPLUS8.labels, canonical("emotion", head.labels))
        samples = replace(
            samples,
            emotion=np.where((samples.emotion >= 0) & known[samples.emotion], samples.emotion, -1),
        )
    tables = [_table(ensemble, f"member {i + 1}", one, samples) for i, one in enumerate(alone)]
    whole = _table(
        ensemble,
        name,
        _honest(ensemble, weighed, members, at),
        samples,
        weighed["age"].ends[at] if "age" in weighed else None,
    )
    each, ours = [table_report(t) for t in tables], table_report(whole)
    rows = []
    for task, figure in MAIN.items():
        there = [i for i, f in enumerate(each) if task in f.tasks]
        if task not in ours.tasks or not there:
            continue
        best = (min if task == "age" else max)(
            there, key=lambda i: getattr(each[i].tasks[task], figure).value
        )
        change = compare(tables[best], whole, limit=0).tasks[task].differences[figure].difference
        better = change.low is not None and (change.high < 0 if task == "age" else change.low > 0)
        rows.append(
            {
                "data": samples.name,
                "split": samples.split,
                "task": task,
                "metric": figure,
                "n": ours.tasks[task].n,
                "members": [getattr(f.tasks.get(task), figure, None) for f in each],
                "ensemble": getattr(ours.tasks[task], figure),
                "best": best,
                "difference": change,
                "better": bool(better),
            }
        )
    where = {"data": samples.name, "split": samples.split}
    return Measured(
        rows,
        [
            where | _metric(metric, f)
            for task, figure, metric in IN_CARD
            if (f := _of(ours.tasks.get(task), figure))
        ],
        whole,
    )


def _honest(
    ensemble: Ensemble, weighed: Mapping[str, Weighed], members: Sequence[Values], at: slice
) -> Values:
    """The ensemble's answers: of samples with a truth, by the weights and the calibration that the
    other folds chose.
    """
    made = {}
    for task, shares in ensemble.shares.items():
        found = weighed.get(task)
        made[task] = ensemble.average(members, {task: found.weights if found else shares})[task]
        if found:
            head = ensemble.card.head(task)
            assert head is not None
            p = calibrated(head, made[task], found.calibration)
            made[task] = np.where(np.isnan(found.honest[at]), p, found.honest[at])
    return made


def _table(
    ensemble: Ensemble, name: str, values: Values, samples: Samples, ends: np.ndarray | None = None
) -> pa.Table:
    """ends: (N, 2) of the ages' intervals instead of those that follow from the values; NaN rows
    keep the latter.
    """
    columns = prediction_columns(ensemble, values)
    if ends is not None:
        for column, end in zip(("age_low", "age_high"), ends.T, strict=True):
            columns[column] = np.where(np.isnan(end), columns[column], end)
    table = assemble(samples, [columns], [True] * len(samples), name, samples.root)
    return table.drop_columns([c for c in table.column_names if table[c].null_count == len(table)])


def limits(tables: Sequence[pa.Table]) -> tuple[dict[str, float], list[Row]]:
    """Thresholds and their metrics for a card, as `train.export.thresholds` has them for one model,
    from all tables together.
    """
    found: dict[str, float] = {}
    rows: list[Row] = []
    for task in ("emotion", "gender"):
        seen = [(t, s) for t in tables if (s := arrays.classes(t, task))]
        if sum(len(s.rows) for _, s in seen) < ENOUGH:
            continue
        made = single_threshold(
            pa.concat_tables([t for t, _ in seen], promote_options="default"), task
        )
        found[task] = made["limit"]
        where = {
            k: ", ".join(dict.fromkeys(str(t[c][0]) for t, _ in seen))
            for k, c in (("data", "dataset"), ("split", "split"))
        }
        for metric, f in ((ANSWERED, made["coverage"]), (ACCURACY, made["accuracy"])):
            if f.n:
                rows.append(where | _metric(metric.format(task), f))
    return found | (
        {"age": WIDE} if any("age_pred" in t.column_names for t in tables) else {}
    ), rows


def _of(task: ClassificationReport | RegressionReport | None, figure: str) -> Estimate | None:
    if isinstance(task, RegressionReport) and figure == "coverage":
        return task.interval.coverage if task.interval else None
    return getattr(task, figure, None)


def _metric(metric: str, f: Estimate) -> Row:
    return {"metric": metric, "value": round(f.value, 5), "ci95": ci95(f), "n": f.n}


def card(ensemble: Ensemble, rows: Sequence[Row]) -> str:
    """`card.md` of the folder."""
    members, about = ensemble.card.recipe["ensemble"], ensemble.card
    tasks = list(ensemble.shares)
    lines = [
        f"# {about.name}, an ensemble of {len(members)}\n",
        "Probabilities of these models, averaged with these weights:\n",
    ]
    lines += [
        f"| model | {' | '.join(t.replace('gender', 'perceived gender') for t in tasks)} | mirrored too | SHA-256 |"
    ]
    lines += ["|---|" + "---|" * (len(tasks) + 2)]
    for m in members:
        weights = " | ".join(f"{m['weights'][t]:.2f}" if m["weights"][t] else "" for t in tasks)
        lines.append(
            f"| {m['model']}: {m['name']} {m['version']} | {weights} | {'yes' if m['flip'] else ''} | `{m['sha256'][:16]}...` |"
        )
    temperatures, limits = (
        ", ".join(f"{t} {v[t]:.2f}" for t in tasks if t in v) or "none"
        for v in (about.calibration, about.thresholds)
    )
    lines += [
        "",
        f"Calibration of the averages: {temperatures}. Limits of *uncertain*: {limits}. {ensemble.size:,} bytes.",
        "",
    ]
    lines += [
        "## Figures, on validation parts\n",
        HONEST,
        "",
        "| figure | data | n | best member alone | ensemble | difference |",
        "|---|" + "---|" * 5,
    ]
    for r in rows:
        percent = r["task"] != "age"
        cells = (
            number(r["members"][r["best"]], percent=percent),
            number(r["ensemble"], percent=percent),
            _change(r),
        )
        lines.append(
            f"| {TITLES[r['task']]} | {r['data']} {r['split']} | {r['n']:,} | {' | '.join(cells)} |"
        )
    lines += [
        "",
        INTENDED,
        not_said(about),
        f"Licence: {about.licence or 'not stated'}. Made: {about.created}.",
        "",
    ]
    return "\n".join(lines)


HONEST = (
    "With 95 % intervals. Each picture was answered with weights and temperatures that were chosen on other pictures. The same parts chose "
    "the members' checkpoints and temperatures."
)


def _change(row: Row) -> str:
    text = number(row["difference"], percent=row["task"] != "age", sign=True)
    return text if row["better"] else f"{text}: no gain shown"


def show(found: Row) -> None:
    """Weights and figures on stdout."""
    stdout = console()
    tasks = found["tasks"]
    out = grid(f"{found['out']}: weights", "member", *tasks)
    for m in found["members"]:
        out.add_row(
            f"{m['model']}{' (mirrored too)' if m['flip'] else ''}",
            *(f"{m['weights'][t]:.3f}" for t in tasks),
        )
    stdout.print(out)
    for task, how in tasks.items() if len(found["members"]) > 1 else ():
        gain = " ".join(
            (
                f"{how['gain']['value']:+.4f}",
                f"({how['gain']['low']:+.4f} to {how['gain']['high']:+.4f})",
            )
        )
        kind = (
            "fitted"
            if how["fitted"]
            else "equal, as fitted ones gain nothing that chance could not"
        )
        stdout.print(
            f"{task}: weights are {kind}; fitted ones lower the loss on other folds by {gain}"
        )
    for r in found["figures"]:
        percent = r["task"] != "age"
        out = grid(
            f"{TITLES[r['task']]}, {r['data']} {r['split']}, {r['n']} samples", "model", "value"
        )
        for m, figure in zip(found["members"], r["members"], strict=True):
            out.add_row(f"{m['model']} alone", number(figure, percent=percent))
        out.add_row("ensemble, cross-fitted", number(r["ensemble"], percent=percent))
        out.add_row(f"ensemble minus {found['members'][r['best']]['model']} alone", _change(r))
        stdout.print(out)
