"""The HTML page that every writer uses: one file that needs nothing else and makes no request.

The style, and Plotly once where there are charts, are inlined; every text is escaped. A chart never
stands alone: the table beside it holds the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import plotly.graph_objects as go
import plotly.io as pio
from plotly.basedatatypes import BaseTraceType
from plotly.offline import get_plotlyjs

BLUE, ORANGE, GREY = "#3b82c4", "#d9772b", "#808080"
LAYOUT = {
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"color": GREY},
    "template": "none",
}
"""Layout of every chart: legible on a light and on a dark page."""
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; display: block; overflow-x: auto; }
th, td { padding: .15rem .8rem; text-align: right; border-bottom: 1px solid #8884; }
th, td { white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
caption { text-align: left; font-weight: 600; }
figure { display: inline-block; margin: .4rem; width: 112px; font-size: .75rem; }
figure { vertical-align: top; overflow-wrap: anywhere; }
figure img { width: 112px; height: 112px; object-fit: cover; }
.failed { color: #c62828; font-weight: 600; }
"""


def document(title: str, body: str, *, charts: bool = True) -> str:
    """Return a page.

    Args:
        title: Plain text.
        body: HTML whose texts are escaped.
        charts: Whether `body` has charts: Plotly is inlined; else no script may run at all.
    """
    script_policy = "script-src 'unsafe-inline'; " if charts else ""
    images = "img-src data: blob:" if charts else "img-src data:"
    policy = f"default-src 'none'; {script_policy}style-src 'unsafe-inline'; {images}"
    script = f"<script>{get_plotlyjs()}</script>" if charts else ""
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{escape(title)}</title>"
        '<meta name="viewport" content="width=device-width">'
        f"<style>{STYLE}</style>{script}"
    )
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    is_failed: Sequence[bool] = (),
) -> str:
    """Return a table of plain texts, which are escaped; rows that `is_failed` stand out."""
    head = "".join(f'<th scope="col">{escape(c)}</th>' for c in columns)
    lines = []
    for i, row in enumerate(rows):
        mark = ' class="failed"' if len(is_failed) and is_failed[i] else ""
        cells = "".join(f"<td>{escape(str(cell))}</td>" for cell in row)
        lines.append(f"<tr{mark}>{cells}</tr>")
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def thumbnail(url: str | None, caption: str) -> str:
    """Return an image with its caption.

    Args:
        url: A `data:` URL; None for an image that cannot be read.
        caption: Plain text.
    """
    image = "<p>cannot be read</p>" if url is None else f'<img src="{url}" alt="">'
    return f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>"


def chart(figure: go.Figure, height: int | None = None) -> str:
    """Return a chart as a fragment of a page with `charts`.

    Plotly reads markup in texts, so names are escaped before they come here.
    """
    return str(
        pio.to_html(
            figure,
            default_height="100%" if height is None else f"{height}px",
            include_plotlyjs=False,
            full_html=False,
            config={"displaylogo": False, "responsive": True},
        )
    )


def simple_chart(
    title: str, *traces: BaseTraceType, x: str, y: str, height: int = 420, **layout: object
) -> str:
    """Return a chart with titled axes as a fragment; see `chart`."""
    figure = go.Figure(list(traces))
    look = {**LAYOUT, "height": height, **layout}
    figure.update_layout(title=title, xaxis_title=x, yaxis_title=y, **look)
    figure.update_yaxes(automargin=True)
    return chart(figure, height)
