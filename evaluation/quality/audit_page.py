"""An audit's report as one HTML page that needs no other file, script or request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import pyarrow as pa

from core import image as images
from core.errors import ImageError
from core.vocabulary import count_of
from evaluation.quality.audit import AuditReport, CheckResult
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.repair.destination import result_file
from evaluation.report.html_page import document, table, thumbnail
from evaluation.report.thumbnails import data_url

MAX_CLUSTERS = 6
"""Clusters of each check that are shown as images."""
MAX_MEMBERS = 6
"""Images of each cluster that are shown."""
MAX_ROWS = 30
"""Issues of each check that are listed."""


def audit_page(report: AuditReport, dataset: AuditDataset, *, blur: bool = True) -> str:
    """Return the page; every text is escaped.

    Args:
        report: what the checks found.
        dataset: in which they found it.
        blur: make faces unrecognisable.
    """
    title = f"Audit of {report.dataset}"
    sizes = ", ".join(f"{split} {n}" for split, n in report.split_sizes.items())
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{count_of(report.sample_count, 'sample')} ({escape(sizes)}), "
        f"fingerprint {report.fingerprint[:12]}.</p>",
        table(
            "Findings",
            ["check", "issues", "samples"],
            [[c.title, str(c.issue_count), str(c.sample_count)] for c in report.checks],
        ),
    ]
    if report.not_run:
        body.append(f"<p>Not run: {escape(', '.join(report.not_run))}.</p>")
    faces = "blurred: --show-faces shows them" if blur else "shown as they are"
    body.append(f"<p>Faces are {faces}.</p>")
    for check in report.checks:
        body += _section(check, dataset, blur)
    return document(title, "".join(body), charts=False)


def write_audit_page(path: Path, page: str) -> None:
    """Write a page; names of files that are no text are escaped.

    Raises:
        DataError: the disk is full or cannot be written; nothing is left behind.
    """
    with result_file(path) as temporary:
        temporary.write_bytes(page.encode("utf-8", "backslashreplace"))


def _section(check: CheckResult, dataset: AuditDataset, blur: bool) -> list[str]:
    """Return the parts of one check: figures, worst issues, images."""
    parts = [f"<h2>{escape(check.title)}</h2>"]
    if check.plain_figures:
        figures = (f"{k.replace('_', ' ')}: {v}" for k, v in check.plain_figures.items())
        parts.append(f"<p>{escape(', '.join(figures))}</p>")
    rows = [
        [
            f"{issue.score:.2f}",
            str(issue.sample_id or issue.group or ""),
            issue.split or "",
            issue.action,
            issue.reason,
        ]
        for issue in check.worst_issues(MAX_ROWS)
    ]
    if rows:
        columns = ["score", "sample", "split", "action", "reason"]
        parts.append(table(f"The worst {len(rows)}", columns, rows))
    position = {name: i for i, name in enumerate(dataset.samples.ids)}
    for name, ids in _clusters(check, position).items():
        n_shown = MAX_MEMBERS if name else 2 * MAX_MEMBERS
        figures = (_figure(dataset, position[i], blur) for i in dict.fromkeys(ids[:n_shown]))
        others = f" and {len(ids) - n_shown} more" if name and len(ids) > n_shown else ""
        if ids:
            heading = f"<h3>{escape(name)}{others}</h3>"
            parts.append(f"<section>{heading}{''.join(figures)}</section>")
    return parts


def _clusters(check: CheckResult, position: Mapping[str, int]) -> dict[str, list[str]]:
    """Return the samples of the first clusters by name; the worst samples under "" without any."""
    columns = ["sample_id", "group"]
    issues = check.findings.issues.select(columns).slice(0, 10 * MAX_ROWS)
    rows = [row for row in _rows(issues) if row[0] in position]
    names = list(dict.fromkeys(group for _, group in rows if group))[:MAX_CLUSTERS]
    if not names:
        return {"": list(dict.fromkeys(sample for sample, _ in rows))[: 2 * MAX_MEMBERS]}
    clusters: dict[str, list[str]] = {name: [] for name in names}
    for sample, group in _rows(check.findings.table.select(columns)):
        if group in clusters and sample in position:
            clusters[group].append(sample)
    return clusters


def _rows(findings: pa.Table) -> Sequence[tuple[str, str]]:
    """Return (sample id, group) of each row, "" for null."""
    return [(row["sample_id"] or "", row["group"] or "") for row in findings.to_pylist()]


def _figure(dataset: AuditDataset, i: int, blur: bool) -> str:
    try:
        url = data_url(images.load(dataset.samples.paths[i]), blur)
    except (ImageError, OSError):
        url = None
    return thumbnail(url, f"{dataset.samples.ids[i]} ({dataset.split[i]})")
