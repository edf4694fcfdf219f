"""Perceived gender and age by group, as a model's card lets them be given, in Markdown.

For data sets that a model was not trained on, beside its own: accuracy of perceived gender before
and after it is withheld from the youngest faces, age errors, and how often the age interval holds,
as it is and widened by the card's factor for pictures from elsewhere. Where ages are ranges, such
as FairFace's, the error counts years outside the range, and an interval holds where it meets it.

Examples:
  python -m evaluation by_group utkface.parquet fairface.parquet --model assets/models/mien
"""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from core import vocabulary
from core.artifacts.bundle import load_card
from evaluation.analysis.given import ALL, Given, given_by_group
from evaluation.commands._options import add_options
from evaluation.commands._tables import read_one_model, unique_names
from evaluation.report import formatting
from evaluation.report.markdown import table as markdown
from evaluation.statistics.estimate import Estimate

COLUMNS = {
    "gender": vocabulary.TASKS["gender"].name,
    "coverage": vocabulary.METRICS["coverage"].title,
    "given": "right, of these",
    "error": "age error, years",
    "inside": vocabulary.METRICS["interval_coverage"].title,
    "inside_wider": "inside the wider interval",
    "unclear": "age unclear",
    "unclear_wider": "unclear if wider",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `by_group`."""
    parser.add_argument(
        "tables", nargs="+", type=Path, metavar="T.parquet", help="tables of predictions"
    )
    add_options(parser, "--model", help="whose card decides: model file or its folder")
    add_options(parser, "--json")


def run(args: argparse.Namespace) -> int:
    """Print one table of figures for each table of predictions and return the exit status."""
    card = load_card(args.model)
    factor = max((p.interval_factor for p in card.operating_points.values()), default=1.0)
    rows = {
        name: given_by_group(read_one_model(path), card.gender_from_age, factor)
        for name, path in zip(unique_names(args.tables), args.tables, strict=True)
    }
    if args.json:
        formatting.print_json(rows)
        return 0
    print(
        f"Perceived gender is given from a predicted age of {card.gender_from_age:g} years on; "
        f"wider intervals reach {factor:g} times as far. 95 % intervals in parentheses."
    )
    for name, groups in rows.items():
        print(f"\n**{name}**\n\n{_table(groups)}")
    return 0


def _table(groups: list[Given]) -> str:
    shown = [name for name in COLUMNS if any(getattr(g, name) for g in groups)]
    columns = ["group", "n", *(COLUMNS[name] for name in shown)]
    return markdown(columns, [[_title(g), _n(g), *(_cell(g, n) for n in shown)] for g in groups])


def _title(group: Given) -> str:
    if group.group == ALL:
        return ALL
    return f"{vocabulary.group_title(group.group)}: {group.value}"


def _n(group: Given) -> str:
    estimates = (getattr(group, f.name) for f in fields(group))
    return f"{max((e.n for e in estimates if isinstance(e, Estimate)), default=0):,}"


def _cell(group: Given, name: str) -> str:
    return formatting.number(getattr(group, name), percent=name != "error")
