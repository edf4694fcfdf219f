"""The report of a predictions table, and its gates, as tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from core.vocabulary import AGE_METRICS, CLASS_METRICS, METRICS, NUMBER_METRICS, TaskTitle, count_of
from evaluation.analysis.classification import ClassificationReport
from evaluation.analysis.regression import RegressionReport
from evaluation.analysis.summary import TableReport
from evaluation.report.formatting import interval_lines, number, print_table, sample_count
from evaluation.report.gates import GateOutcome
from evaluation.statistics.estimate import Estimate


def show(report: TableReport, out: Console) -> None:
    """Print the report as tables."""
    where = f"{report.dataset or 'unnamed data'} ({report.split or 'no split'})"
    out.print(f"{report.model} on {where}, {count_of(report.rows, 'row')}", style="bold")
    if report.face_found:
        share = number(report.face_found, percent=True)
        out.print(f"a face found in {share}, detector {report.detector or 'unknown'}")
    for line in interval_lines(report):
        out.print(line)
    for task, figures in report.tasks.items():
        if isinstance(figures, RegressionReport):
            _show_numbers(report.titles[task], figures, out)
        else:
            _show_classes(report.titles[task].title, figures, out)
    _show_cross_task(report, out)


def _show_classes(title: str, report: ClassificationReport, out: Console) -> None:
    """Print the figures of a task with classes, then those of each class and group."""
    estimates: list[tuple[str, Estimate | None]] = [
        (name, getattr(report, name)) for name in CLASS_METRICS
    ]
    rows = [
        [
            METRICS[name].title,
            number(estimate, percent=METRICS[name].is_share, digits=3),
            str(estimate.n),
        ]
        for name, estimate in estimates
        if estimate is not None
    ]
    if votes := report.votes:
        kl = METRICS["kl"]
        rows += [
            [name, number(share, percent=True), str(votes.n)]
            for name, share in (
                (METRICS["majority"].title, votes.majority),
                (f"right by {votes.share:.0%} of the voters", votes.any),
                (METRICS["ceiling"].title, votes.ceiling),
            )
        ]
        n = votes.kl.n if votes.kl else votes.n
        rows.append([f"{kl.title}, {kl.unit}", number(votes.kl, digits=3), str(n)])
    print_table(out, title, ["figure", "value", "n"], rows)
    rows = [
        [
            row.label,
            number(row.recall, percent=True),
            number(row.precision, percent=True),
            "-" if row.f1 is None else f"{row.f1:.2f}",
            sample_count(row.n),
        ]
        for row in report.per_class
    ]
    print_table(out, f"{title} by class", ["class", "recall", "precision", "F1", "n"], rows)
    for name, values in report.groups.items():
        rows = [
            [g.value, number(g.accuracy, percent=True), sample_count(g.accuracy.n)] for g in values
        ]
        print_table(out, f"{title} by {name}", [name, "accuracy", "n"], rows)


def _show_numbers(task: TaskTitle, report: RegressionReport, out: Console) -> None:
    title = task.title
    names = {n: METRICS[n].title for n in AGE_METRICS} if task.key == "age" else NUMBER_METRICS
    n = report.n
    figures = [(names[name], number(getattr(report, name)), n) for name in AGE_METRICS]
    for share in report.cs:
        years = count_of(share.k, "year")
        figures.append((f"within {years}", number(share.share, percent=True), n))
    if report.interval:
        coverage = report.interval.coverage
        share_inside, width = number(coverage, percent=True), report.interval.mean_width
        figures.append((METRICS["interval_coverage"].title, share_inside, coverage.n))
        figures.append((METRICS["mean_width"].title, f"{width:.1f}", coverage.n))
    rows = ([name, text, str(rows_of)] for name, text, rows_of in figures)
    print_table(out, title, ["figure", "value", "n"], rows)
    for name, values in report.groups.items():
        rows = ([g.value, number(g.mae), number(g.bias), sample_count(g.mae.n)] for g in values)
        print_table(out, f"{title}, by {name}", [name, METRICS["mae"].title, "bias", "n"], rows)


def _show_cross_task(report: TableReport, out: Console) -> None:
    if not report.cross:
        return
    rows = [
        [
            f"{report.titles[pair.task].title}: {METRICS[pair.figure].title}",
            report.titles[pair.condition_task].title,
            *(
                number(end, percent=METRICS[pair.figure].is_share, sign=end is pair.difference)
                for end in (pair.correct.value, pair.wrong.value, pair.difference)
            ),
            str(pair.n),
        ]
        for pair in report.cross
    ]
    columns = ["figure", "given", "right", "wrong", "difference", "n"]
    print_table(out, "Across tasks: where one prediction is wrong", columns, rows)


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
