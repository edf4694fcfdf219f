"""The report as one HTML page that needs nothing else: Plotly inlined once, no request to anywhere,
every text escaped.

A chart never stands alone: the table beside it holds the same numbers. Faces are blurred beyond
recovery unless asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio
from plotly.offline import get_plotlyjs

from evaluation.report.text import TITLES, few, number
from evaluation.report.thumbnails import Picture
from evaluation.statistics.estimate import Estimate, Figures

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)
BLUE, ORANGE, GREY = "#3b82c4", "#d9772b", "#808080"
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; display: block; overflow-x: auto; }
th, td { padding: .15rem .8rem; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
caption { text-align: left; font-weight: 600; }
figure { display: inline-block; margin: .4rem; width: 112px; font-size: .75rem; vertical-align: top; overflow-wrap: anywhere; }
figure img { width: 112px; height: 112px; object-fit: cover; }
.failed { color: #c62828; font-weight: 600; }
"""


def page(
    found: Figures,
    gates: Sequence[dict[str, Any]] = (),
    pictures: Sequence[Picture] = (),
    note: str = "",
    lines: Sequence[str] = (),
) -> str:
    """The whole page. gates: outcomes of `evaluation.report.gates.check`; note: what stands above
    the pictures; lines: how intervals were made.
    """
    where = f"{found['dataset'] or 'unnamed data'} ({found['split'] or 'no split'})"
    title = escape(f"{found['model']} on {where}")
    body = [f"<h1>{title}</h1>", f"<p>{found['rows']} rows; {escape('; '.join(lines))}.</p>"]
    if gates:
        rows = [
            [
                o["gate"],
                f"{o['figure']} {o['limit']}",
                number(Estimate.of_dict(o), digits=4),
                o["state"],
                o["where"],
            ]
            for o in gates
        ]
        body.append(
            table(
                "Gates",
                ["gate", "limit", "value", "state", "measured on"],
                rows,
                [o["fails"] for o in gates],
            )
        )
    for task in ("emotion", "gender"):
        if found[task]:
            body += _classes(TITLES[task], found[task])
    if found["age"]:
        body += _ages(found["age"])
    if pictures:
        body += ["<h2>Largest mistakes</h2>", f"<p>{escape(note)}</p>"]
        body += [
            f'<figure><img src="{p.data}" alt=""><figcaption>{escape(p.caption)}</figcaption></figure>'
            for p in pictures
        ]
    return document(f"{found['model']} on {where}", "".join(body))


def document(title: str, body: str) -> str:
    """A page with Plotly and the style inlined. title: plain text; body: HTML whose texts are
    escaped.
    """
    head = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>{escape(title)}</title>'
    head += f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style><script>{get_plotlyjs()}</script>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def table(
    caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]], failed: Sequence[bool] = ()
) -> str:
    """A table of plain texts, which are escaped; rows that `failed` stand out."""
    head = "".join(f'<th scope="col">{escape(c)}</th>' for c in columns)
    lines = []
    for i, row in enumerate(rows):
        mark = ' class="failed"' if len(failed) and failed[i] else ""
        lines.append(
            f"<tr{mark}>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>"
        )
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _chart(title: str, *traces: Any, x: str, y: str, **layout: Any) -> str:
    """A chart as a fragment; Plotly reads markup in texts, so names are escaped before they come
    here.
    """
    figure = go.Figure(list(traces))
    look = {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": GREY},
        "height": 420,
        "template": "none",
    }
    figure.update_layout(title=title, xaxis_title=x, yaxis_title=y, **{**look, **layout})
    figure.update_yaxes(automargin=True)
    tall = f"{figure.layout.height}px"
    config = {"displaylogo": False, "responsive": True}
    return pio.to_html(
        figure, default_height=tall, include_plotlyjs=False, full_html=False, config=config
    )


def _classes(title: str, found: Figures) -> Iterator[str]:
    yield f"<h2>{escape(title)}</h2>"
    names = (
        "accuracy",
        "macro_f1",
        "balanced_accuracy",
        "kappa",
        "ece",
        "ece_equal_mass",
        "classwise_ece",
        "aurc",
        "nll",
        "brier",
    )
    shown = [name for name in names if found[name]]
    plain = {"kappa", "nll", "brier", "aurc"}
    rows = [
        [name.replace("_", " "), number(found[name], percent=name not in plain, digits=3)]
        for name in shown
    ]
    yield table(f"{found['n']} samples", ["figure", "value"], rows)
    labels, matrix = [escape(label) for label in found["labels"]], found["confusion"]
    shares = [[v / max(sum(row), 1) for v in row] for row in matrix]
    heat = go.Heatmap(
        z=shares,
        x=labels,
        y=labels,
        text=matrix,
        texttemplate="%{text}",
        colorscale="Blues",
        zmin=0,
        zmax=1,
    )
    yield _chart(
        "Confusion: counts, coloured by share of the true class",
        heat,
        x="predicted",
        y="true",
        yaxis_autorange="reversed",
    )
    rows = [[name, *map(str, row)] for name, row in zip(found["labels"], matrix, strict=True)]
    yield table("Confusion (rows: true)", ["", *found["labels"]], rows)
    rows = []
    for c in found["per_class"]:
        extra = [
            "-" if c[k] is None else f"{c[k]:.3f}" for k in ("f1", "auroc", "average_precision")
        ]
        rows.append(
            [
                c["label"],
                number(c["recall"], percent=True),
                number(c["precision"], percent=True),
                *extra,
                few(c["n"]),
            ]
        )
    yield table(
        "By class", ["class", "recall", "precision", "F1", "AUROC", "average precision", "n"], rows
    )
    if found["reliability"]:
        seen = [
            row
            for row in zip(
                *(found["reliability"][k] for k in ("confidence", "accuracy", "count")), strict=True
            )
            if row[2]
        ]
        dots = go.Scatter(
            x=[c for c, _, _ in seen],
            y=[a for _, a, _ in seen],
            mode="lines+markers",
            marker_color=BLUE,
            name="measured",
        )
        ideal = go.Scatter(
            x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": GREY}, name="ideal"
        )
        yield _chart("Reliability", dots, ideal, x="confidence", y="share right")
        rows = [[f"{c:.3f}", f"{a:.3f}", str(int(n))] for c, a, n in seen]
        yield table("Reliability", ["mean confidence", "share right", "n"], rows)
    yield from _groups(title, found["groups"], "accuracy", percent=True)


def _ages(found: Figures) -> Iterator[str]:
    yield f"<h2>{escape(TITLES['age'])}</h2>"
    names = (
        ("mae", "mean absolute error", False),
        ("rmse", "root mean squared error", False),
        ("bias", "bias (above 0: too old)", False),
    )
    rows = [[label, number(found[name], percent=percent)] for name, label, percent in names]
    rows += [
        [f"within {share['k']} years", number(Estimate.of_dict(share), percent=True)]
        for share in found["cs"]
    ]
    rows += (
        [["inside the stated interval", number(found["interval"]["coverage"], percent=True)]]
        if found["interval"]
        else []
    )
    yield table(f"{found['n']} samples", ["figure", "value"], rows)
    seen = [d for d in found["decades"] if d["n"]]
    bars = [
        go.Bar(
            x=[d["decade"] for d in seen], y=[d[key] for d in seen], name=name, marker_color=colour
        )
        for key, name, colour in (("mae", "mean absolute error", BLUE), ("bias", "bias", ORANGE))
    ]
    yield _chart(
        "Error by decade of the true age",
        *bars,
        x="true age",
        y="years",
        xaxis_type="category",
        barmode="group",
    )
    rows = [[d["decade"], f"{d['mae']:.2f}", f"{d['bias']:+.2f}", few(d["n"])] for d in seen]
    yield table("Error by decade", ["decade", "mean absolute error", "bias", "n"], rows)
    yield from _groups(
        "Age", {k: v for k, v in found["groups"].items() if k != "age_decade"}, "mae", percent=False
    )


def _groups(
    title: str, groups: dict[str, list[Figures]], name: str, *, percent: bool
) -> Iterator[str]:
    """One chart with intervals and one table per group column."""
    for group, values in groups.items():
        figures = [v[name] for v in values]
        spread = {
            "type": "data",
            "symmetric": False,
            "array": [0 if f.high is None else f.high - f.value for f in figures],
            "arrayminus": [0 if f.low is None else f.value - f.low for f in figures],
        }
        dots = go.Scatter(
            x=[f.value for f in figures],
            y=[escape(v["value"]) for v in values],
            error_x=spread,
            mode="markers",
            marker_color=BLUE,
        )
        label = "accuracy" if percent else "mean absolute error, years"
        yield _chart(
            escape(f"{title} by {group}"),
            dots,
            x=label,
            y="",
            yaxis_type="category",
            height=160 + 28 * len(values),
        )
        rows = [
            [v["value"], number(f, percent=percent), few(f.n)]
            for v, f in zip(values, figures, strict=True)
        ]
        yield table(f"{title} by {group}", [group, label, "n"], rows)
