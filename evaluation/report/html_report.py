"""The report of a predictions table as one HTML page.

Faces are blurred beyond recovery unless asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from core.vocabulary import AGE_METRICS, CLASS_METRICS, METRICS, NUMBER_METRICS, TaskTitle, count_of
from evaluation.analysis.classification import ClassificationReport
from evaluation.analysis.regression import RegressionReport
from evaluation.analysis.summary import TableReport
from evaluation.metrics.calibration import Reliability
from evaluation.report.formatting import interval_lines, number, sample_count
from evaluation.report.gates import GateOutcome
from evaluation.report.html_page import BLUE, GREY, ORANGE, document, simple_chart, table, thumbnail
from evaluation.report.thumbnails import Thumbnail
from evaluation.statistics.estimate import Estimate


def page(
    report: TableReport,
    gates: Sequence[GateOutcome] = (),
    thumbnails: Sequence[Thumbnail] = (),
    note: str = "",
) -> str:
    """Return the page.

    Args:
        report: Of the table.
        gates: Outcomes of `evaluation.report.gates.check`.
        thumbnails: The largest mistakes.
        note: Plain text above the thumbnails.
    """
    where = f"{report.dataset or 'unnamed data'} ({report.split or 'no split'})"
    title = f"{report.model} on {where}"
    lines = escape("; ".join(interval_lines(report)))
    body = [f"<h1>{escape(title)}</h1>", f"<p>{count_of(report.rows, 'row')}; {lines}.</p>"]
    if gates:
        rows = [
            [o.gate, f"{o.figure} {o.limit}", number(o.estimate, digits=4), o.state, o.where]
            for o in gates
        ]
        columns = ["gate", "limit", "value", "state", "measured on"]
        body.append(table("Gates", columns, rows, [o.fails for o in gates]))
    for task, figures in report.tasks.items():
        if isinstance(figures, RegressionReport):
            body += _numbers(report.titles[task], figures)
        else:
            body += _classification(report.titles[task].title, figures)
    if thumbnails:
        body += ["<h2>Largest mistakes</h2>", f"<p>{escape(note)}</p>"]
        body += [thumbnail(t.url, t.caption) for t in thumbnails]
    return document(title, "".join(body))


def _classification(title: str, report: ClassificationReport) -> Iterator[str]:
    yield f"<h2>{escape(title)}</h2>"
    rows = [
        [
            METRICS[name].title,
            number(estimate, percent=METRICS[name].is_share, digits=3)
            + _of_fewer(estimate, report),
        ]
        for name in CLASS_METRICS
        if (estimate := getattr(report, name)) is not None
    ]
    yield table(count_of(report.n, "sample"), ["figure", "value"], rows)
    yield from _confusion(report)
    rows = [
        [
            c.label,
            number(c.recall, percent=True),
            number(c.precision, percent=True),
            *("-" if v is None else f"{v:.3f}" for v in (c.f1, c.auroc, c.average_precision)),
            sample_count(c.n),
        ]
        for c in report.per_class
    ]
    columns = ["class", "recall", "precision", "F1", "AUROC", "average precision", "n"]
    yield table("By class", columns, rows)
    if report.reliability:
        yield from _reliability(report.reliability)
    yield from _groups(title, report.groups, "accuracy", percent=True)


def _of_fewer(estimate: Estimate, report: ClassificationReport | RegressionReport) -> str:
    """Return the samples of a figure in words, "" where it is of all that are reported."""
    return "" if estimate.n == report.n else f", n = {estimate.n}"


def _confusion(report: ClassificationReport) -> Iterator[str]:
    labels, matrix = [escape(label) for label in report.labels], report.confusion
    heat = go.Heatmap(
        z=[[v / max(sum(row), 1) for v in row] for row in matrix],
        x=labels,
        y=labels,
        text=matrix,
        texttemplate="%{text}",
        colorscale="Blues",
        zmin=0,
        zmax=1,
    )
    yield simple_chart(
        "Confusion: counts, coloured by share of the true class",
        heat,
        x="predicted",
        y="true",
        yaxis_autorange="reversed",
    )
    rows = [[name, *map(str, row)] for name, row in zip(report.labels, matrix, strict=True)]
    yield table("Confusion (rows: true)", ["", *report.labels], rows)


def _reliability(bins: Reliability) -> Iterator[str]:
    columns = (bins.confidence, bins.accuracy, bins.count)
    points = [(c, a, n) for c, a, n in zip(*columns, strict=True) if n]
    measured = go.Scatter(
        x=[c for c, _, _ in points],
        y=[a for _, a, _ in points],
        mode="lines+markers",
        marker_color=BLUE,
        name="measured",
    )
    ideal = go.Scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": GREY}, name="ideal"
    )
    yield simple_chart("Reliability", measured, ideal, x="confidence", y="share right")
    rows = [[f"{c:.3f}", f"{a:.3f}", str(int(n))] for c, a, n in points]
    yield table("Reliability", ["mean confidence", "share right", "n"], rows)


def _numbers(task: TaskTitle, report: RegressionReport) -> Iterator[str]:
    yield f"<h2>{escape(task.title)}</h2>"
    titles = {n: METRICS[n].title for n in AGE_METRICS} if task.key == "age" else NUMBER_METRICS
    rows = [[titles[name], number(getattr(report, name))] for name in AGE_METRICS]
    rows += [
        [f"within {count_of(share.k, 'year')}", number(share.share, percent=True)]
        for share in report.cs
    ]
    if report.interval:
        coverage = report.interval.coverage
        text = number(coverage, percent=True) + _of_fewer(coverage, report)
        rows.append([METRICS["interval_coverage"].title, text])
    yield table(count_of(report.n, "sample"), ["figure", "value"], rows)
    if task.key == "age":
        yield from _decades(report)
    groups = {name: values for name, values in report.groups.items() if name != "age_decade"}
    yield from _groups(task.name.capitalize(), groups, "mae", percent=False, label=task.metric.axis)


def _decades(report: RegressionReport) -> Iterator[str]:
    decades = [d for d in report.decades if d.n]
    bars = [
        go.Bar(
            x=[d.decade for d in decades],
            y=[getattr(d, key) for d in decades],
            name=name,
            marker_color=colour,
        )
        for key, name, colour in (("mae", METRICS["mae"].title, BLUE), ("bias", "bias", ORANGE))
    ]
    yield simple_chart(
        "Error by decade of the true age",
        *bars,
        x="true age",
        y="years",
        xaxis_type="category",
        barmode="group",
    )
    rows = [[d.decade, f"{d.mae:.2f}", f"{d.bias:+.2f}", sample_count(d.n)] for d in decades]
    yield table("Error by decade", ["decade", METRICS["mae"].title, "bias", "n"], rows)


def _groups(
    title: str, groups: Mapping[str, Sequence[Any]], metric: str, *, percent: bool, label: str = ""
) -> Iterator[str]:
    """Yield a chart with intervals and a table per group column."""
    label = label or METRICS[metric].axis
    for group, values in groups.items():
        figures = [getattr(v, metric) for v in values]
        spread = {
            "type": "data",
            "symmetric": False,
            "array": [0 if f.high is None else f.high - f.value for f in figures],
            "arrayminus": [0 if f.low is None else f.value - f.low for f in figures],
        }
        points = go.Scatter(
            x=[f.value for f in figures],
            y=[escape(v.value) for v in values],
            error_x=spread,
            mode="markers",
            marker_color=BLUE,
        )
        yield simple_chart(
            escape(f"{title} by {group}"),
            points,
            x=label,
            y="",
            height=160 + 28 * len(values),
            yaxis_type="category",
        )
        rows = [
            [v.value, number(f, percent=percent), sample_count(f.n)]
            for v, f in zip(values, figures, strict=True)
        ]
        yield table(f"{title} by {group}", [group, label, "n"], rows)
