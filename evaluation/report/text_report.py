"""The report of a predictions table, and its gates, as tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from core.vocabulary import AGE_METRICS, CLASS_METRICS, METRICS, TASKS
from evaluation.analysis.classification import ClassificationReport
from evaluation.analysis.cross_task import CrossTask
from evaluation.analysis.regression import RegressionReport
from evaluation.analysis.summary import TableReport
from evaluation.report.formatting import grid, interval_lines, number, sample_count
from evaluation.report.gates import GateOutcome
from evaluation.statistics.estimate import Estimate


def show(report: TableReport, out: Console) -> None:
    """Print the report as tables."""
    where = f"{report.dataset or 'unnamed data'} ({report.split or 'no split'})"
    out.print(f"{report.model} on {where}, {report.rows} rows", style="bold")
    if report.face_found:
        share = number(report.face_found, percent=True)
        out.print(f"a face found in {share}, detector {report.detector or 'unknown'}")
    for line in interval_lines(report):
        out.print(line)
    for task, classes in (("emotion", report.emotion), ("gender", report.gender)):
        if classes is not None:
            _show_figures(TASKS[task].title, classes, out)
            _show_classes(TASKS[task].title, classes, out)
    if report.age is not None:
        _show_ages(report.age, out)
    _show_cross_task(report.cross, out)


def _show_figures(title: str, report: ClassificationReport, out: Console) -> None:
    rows = grid(title, "figure", "value", "n")
    for name in CLASS_METRICS:
        estimate: Estimate | None = getattr(report, name)
        if estimate is not None:
            metric = METRICS[name]
            text = number(estimate, percent=metric.is_share, digits=3)
            rows.add_row(metric.title, text, str(report.n))
    votes = report.votes
    if votes:
        n = str(votes.n)
        rows.add_row(METRICS["majority"].title, number(votes.majority, percent=True), n)
        rows.add_row(
            f"right by {votes.share:.0%} of the voters", number(votes.any, percent=True), n
        )
        rows.add_row(METRICS["ceiling"].title, number(votes.ceiling, percent=True), n)
        kl = METRICS["kl"]
        rows.add_row(f"{kl.title}, {kl.unit}", number(votes.kl, digits=3), n)
    out.print(rows)


def _show_classes(title: str, report: ClassificationReport, out: Console) -> None:
    rows = grid(f"{title} by class", "class", "recall", "precision", "F1", "n")
    for row in report.per_class:
        rows.add_row(
            row.label,
            number(row.recall, percent=True),
            number(row.precision, percent=True),
            "-" if row.f1 is None else f"{row.f1:.2f}",
            sample_count(row.n),
        )
    out.print(rows)
    for name, values in report.groups.items():
        rows = grid(f"{title} by {name}", name, "accuracy", "n")
        for group in values:
            accuracy = number(group.accuracy, percent=True)
            rows.add_row(group.value, accuracy, sample_count(group.accuracy.n))
        out.print(rows)


def _show_ages(report: RegressionReport, out: Console) -> None:
    title, n = TASKS["age"].title, str(report.n)
    rows = grid(title, "figure", "value", "n")
    for name in AGE_METRICS:
        rows.add_row(METRICS[name].title, number(getattr(report, name)), n)
    for share in report.cs:
        years = f"{share.k} year{'s' if share.k > 1 else ''}"
        rows.add_row(f"within {years}", number(share.share, percent=True), n)
    if report.interval:
        coverage = number(report.interval.coverage, percent=True)
        rows.add_row(METRICS["interval_coverage"].title, coverage, n)
        rows.add_row(METRICS["mean_width"].title, f"{report.interval.mean_width:.1f}", n)
    out.print(rows)
    for name, values in report.groups.items():
        rows = grid(f"{title}, by {name}", name, METRICS["mae"].title, "bias", "n")
        for row in values:
            cells = number(row.mae), number(row.bias), sample_count(row.mae.n)
            rows.add_row(row.value, *cells)
        out.print(rows)


def _show_cross_task(pairs: Sequence[CrossTask], out: Console) -> None:
    if not pairs:
        return
    rows = grid(
        "Across tasks: where one prediction is wrong",
        "figure",
        "given",
        "right",
        "wrong",
        "difference",
        "n",
    )
    for pair in pairs:
        task, metric = TASKS[pair.task], METRICS[pair.figure]
        right, wrong = (
            number(end.value, percent=metric.is_share) for end in (pair.right, pair.wrong)
        )
        rows.add_row(
            f"{task.title}: {metric.title}",
            TASKS[pair.given].title,
            right,
            wrong,
            number(pair.difference, percent=metric.is_share, sign=True),
            str(pair.n),
        )
    out.print(rows)


def show_gates(name: str, outcomes: Sequence[GateOutcome], out: Console) -> None:
    """Print a line per gate: on a narrow terminal nothing of it is cut off."""
    out.print(f"Gates: {name}", style="bold")
    for o in outcomes:
        if o.where:
            text = f"{o.figure} = {number(o.estimate, digits=4)}, on {o.where}"
        else:
            text = f"{'fails' if o.fails else 'optional'}; {o.how}"
        out.print(f"{o.state:12}  {o.gate} ({o.figure} {o.limit}): {text}")
    failed = sum(o.fails for o in outcomes)
    out.print(
        f"{failed} of {len(outcomes)} gates failed"
        if failed
        else f"all {len(outcomes)} gates passed",
        style="bold",
    )
