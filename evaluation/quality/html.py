"""The findings as one HTML page that needs nothing else: no script, no request, every text escaped.
Faces are blurred unless asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import pyarrow as pa

from core import image as images
from core.errors import ImageError
from evaluation.quality.dataset import Context
from evaluation.report.html import document, table, thumbnail
from evaluation.report.thumbnails import data_url

GROUPS = 6
"""Clusters of each check that are shown as pictures."""
MEMBERS = 6
ROWS = 30


def page(
    found: Mapping[str, Any], tables: Mapping[str, pa.Table], context: Context, *, blur: bool = True
) -> str:
    """The whole page; `found` is the summary that --json prints."""
    title = escape(f"Audit of {found['dataset']}")
    splits = ", ".join(f"{s} {n}" for s, n in found["splits"].items())
    body = [
        f"<h1>{title}</h1>",
        f"<p>{found['samples']} samples ({escape(splits)}), fingerprint {found['fingerprint'][:12]}.</p>",
    ]
    rows = [[c["title"], str(c["issues"]), str(c["samples"])] for c in found["checks"].values()]
    body.append(table("Findings", ["check", "issues", "samples"], rows))
    if found["not_run"]:
        body.append(f"<p>Not run: {escape(', '.join(found['not_run']))}.</p>")
    body.append(
        f"<p>{'Faces are blurred: --show-faces shows them.' if blur else 'Faces are shown as they are.'}</p>"
    )
    place = {name: i for i, name in enumerate(context.samples.ids)}
    for name, check in found["checks"].items():
        body.append(f"<h2>{escape(check['title'])}</h2>")
        plain = {k: v for k, v in check["figures"].items() if not isinstance(v, (dict, list))}
        if plain:
            body.append(
                "<p>"
                + escape(", ".join(f"{k.replace('_', ' ')}: {v}" for k, v in plain.items()))
                + "</p>"
            )
        worst = [
            [f"{r['score']:.2f}", _name(r), r["split"] or "", r["action"], r["reason"]]
            for r in check["worst"][:ROWS]
        ]
        if worst:
            body.append(
                table(
                    f"The worst {len(worst)}",
                    ["score", "sample", "split", "action", "reason"],
                    worst,
                )
            )
        body += _clusters(tables[name], context, place, blur)
    return document(f"Audit of {found['dataset']}", "".join(body), charts=False)


def _name(row: Mapping[str, Any]) -> str:
    return str(row["sample_id"] or row["group"] or "")


def _clusters(
    findings: pa.Table, context: Context, place: Mapping[str, int], blur: bool
) -> list[str]:
    """Pictures of the first clusters, one below the other; without clusters, of the worst samples."""
    groups: dict[str, list[str]] = {}
    rows = findings.select(["sample_id", "group", "is_issue"])
    wanted = rows.filter(rows["is_issue"]).slice(0, 10 * ROWS).to_pylist()
    for r in wanted:
        if r["sample_id"] in place and len(groups) < GROUPS and r["group"]:
            groups.setdefault(r["group"], [])
    if groups:
        for r in rows.to_pylist():
            if r["group"] in groups and r["sample_id"] in place:
                groups[r["group"]].append(r["sample_id"])
    else:
        groups = {
            "": list(dict.fromkeys(r["sample_id"] for r in wanted if r["sample_id"] in place))[
                : 2 * MEMBERS
            ]
        }
    made = []
    for name, ids in groups.items():
        figures = "".join(
            _figure(context, place[i], blur)
            for i in dict.fromkeys(ids[: 2 * MEMBERS if not name else MEMBERS])
        )
        if figures:
            more = f" and {len(ids) - MEMBERS} more" if name and len(ids) > MEMBERS else ""
            made.append(f"<section><h3>{escape(name)}{more}</h3>{figures}</section>")
    return made


def _figure(context: Context, i: int, blur: bool) -> str:
    try:
        url = data_url(images.load(context.samples.paths[i]), blur)
    except (ImageError, OSError):
        url = None
    return thumbnail(url, f"{context.samples.ids[i]} ({context.split[i]})")
