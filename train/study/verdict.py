"""A study's verdict: sentences that follow from its table alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from scipy.stats import kendalltau

from evaluation.training_runs import generalization_gap
from train.runs.card_metrics import DataUse
from train.runs.status import RunStatus
from train.study.plan import StudyPlan
from train.study.table import (
    FIGURE_TITLES,
    LOWER_IS_BETTER,
    StudyRow,
    format_difference,
    format_figure,
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between two figures with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside the interval."""
        return self.low > 0 or self.high < 0


Compare = Callable[[str, str, str], Difference | None]
"""Two members and a figure -> the first's minus the second's value on the same samples; None where
unknown.
"""


@dataclass(frozen=True, slots=True)
class MeasuredRow:
    """A row that has a figure, with its interval."""

    member: str
    source: float | None
    value: float
    low: float
    high: float


def verdict(
    plan: StudyPlan,
    table: Sequence[StudyRow],
    statuses: Mapping[str, RunStatus],
    paired: Compare = lambda first, second, figure: None,
) -> list[str]:
    """Return what the figures show, in sentences; each is computed.

    Args:
        plan: the study.
        table: its rows.
        statuses: folder -> its run.
        paired: compares two members on the same samples.
    """
    sentences: list[str] = []
    for name in plan.study.figures:
        rows = [r for r in table if r.figure == name and r.state == "measured"]
        comparable, others = _comparable(rows, statuses, name)
        prefix = f"{FIGURE_TITLES[name]}: " if len(plan.study.figures) > 1 else ""
        sentences += [
            prefix + text
            for text in (
                *_against_source(rows),
                *_best(comparable, name, paired),
                *_ranking(comparable, name),
            )
        ]
        if others:
            sentences.append(
                f"{prefix}not compared, as validated on other pictures or classes: "
                f"{', '.join(others)}."
            )
    return sentences + list(_fairness(table, statuses))


def _comparable(
    rows: Sequence[StudyRow], statuses: Mapping[str, RunStatus], name: str
) -> tuple[list[MeasuredRow], list[str]]:
    """The largest set of members validated on the same samples and classes; names of the rest."""
    groups: dict[tuple[frozenset[DataUse], tuple[str, ...]], list[MeasuredRow]] = {}
    for row in rows:
        status = statuses[row.member]
        head = status.card.head(name.partition("_")[0]) if status.card else None
        labels = tuple(sorted(head.labels)) if head and not name.startswith("age") else ()
        figure = status.figures[name]
        groups.setdefault((frozenset(figure.on), labels), []).append(
            MeasuredRow(row.member, row.source, figure.value, figure.low, figure.high)
        )
    largest: list[MeasuredRow] = max(groups.values(), key=len, default=[])
    members = {row.member for row in largest}
    return largest, [row.member for row in rows if row.member not in members]


def _against_source(rows: Sequence[StudyRow]) -> Iterator[str]:
    sides = {
        side: [r.member for r in rows if r.source_is == side]
        for side in ("inside", "above", "below")
    }
    count = sum(map(len, sides.values()))
    if count:
        inside = sides["inside"]
        yield (
            f"The source's figure lies inside our 95 % interval for {len(inside)} of {count} "
            "members"
            + (f" ({', '.join(inside)})" if inside else "")
            + "".join(
                f", {side} it for {', '.join(sides[side])}"
                for side in ("above", "below")
                if sides[side]
            )
            + "."
        )


def _sign(name: str) -> int:
    return -1 if name in LOWER_IS_BETTER else 1


def _best(rows: Sequence[MeasuredRow], name: str, paired: Compare) -> Iterator[str]:
    ranked = sorted(rows, key=lambda r: -_sign(name) * r.value)
    if len(ranked) < 2:
        return
    first, second = ranked[0], ranked[1]
    order = ", ".join(f"{r.member} {format_figure(name, r.value)}" for r in ranked)
    yield f"Our order, best first: {order}."
    same_samples = paired(first.member, second.member, name)
    difference = same_samples or unpaired_difference(first, second)
    how = "paired, on the same pictures" if same_samples else "unpaired"
    value, low, high = (
        format_difference(name, v) for v in (difference.value, difference.low, difference.high)
    )
    meaning = (
        "more than chance in the choice of pictures explains"
        if difference.excludes_zero
        else "which chance in the choice of pictures can explain"
    )
    yield (
        f"{first.member} leads {second.member} by {value}, "
        f"95 % interval {low} to {high} ({how}), {meaning}."
    )


def unpaired_difference(a: MeasuredRow, b: MeasuredRow) -> Difference:
    """Return a's minus b's value, its interval from both members' own.

    Newcombe's method 10 (Stat. Med. 17, 1998, 873-890). It is wider than a paired interval.
    """
    difference = a.value - b.value
    below = ((a.value - a.low) ** 2 + (b.high - b.value) ** 2) ** 0.5
    above = ((a.high - a.value) ** 2 + (b.value - b.low) ** 2) ** 0.5
    return Difference(difference, difference - below, difference + above)


def _ranking(rows: Sequence[MeasuredRow], name: str) -> Iterator[str]:
    """How far the source's order of members is ours too."""
    pairs = [
        (a, b, a.source - b.source, a.value - b.value)
        for a, b in combinations(rows, 2)
        if a.source is not None and b.source is not None
    ]
    if not pairs:
        return
    untied = [(a, b, x, y) for a, b, x, y in pairs if x != 0 and y != 0]
    agree = sum((x > 0) == (y > 0) for *_, x, y in untied)
    against = [
        (a, b) if y * _sign(name) > 0 else (b, a) for a, b, x, y in untied if (x > 0) != (y > 0)
    ]
    beyond_chance = [
        f"{a.member} over {b.member}" for a, b in against if unpaired_difference(a, b).excludes_zero
    ]
    tied = len(pairs) - len(untied)
    with_source = [r for r in rows if r.source is not None]
    tau = math.nan
    if untied:
        tau = float(
            kendalltau([r.source for r in with_source], [r.value for r in with_source]).statistic
        )
    text = f"The source's ranking holds in {agree} of {len(untied)} pairs (Kendall's tau "
    text += "undefined" if math.isnan(tau) else f"{tau:+.2f}"
    text += f"; {tied} pair{'s' if tied > 1 else ''} more tied)" if tied else ")"
    if against:
        text += (
            "; of those against it, beyond an unpaired 95 % interval: "
            f"{', '.join(beyond_chance) or 'none'}"
        )
    yield text + "."


def _fairness(table: Sequence[StudyRow], statuses: Mapping[str, RunStatus]) -> Iterator[str]:
    """Whether the members had the same chance, and who is missing."""
    by_member = {r.member: r for r in table}
    measured = [r for r in by_member.values() if r.state == "measured"]
    for title, counts in (
        ("epochs", {r.member: r.epochs or 0 for r in measured}),
        ("training pictures (with repeats)", {r.member: r.images_seen or 0 for r in measured}),
    ):
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{member} {n:,}" for member, n in counts.items())
            yield f"Not equal: {title}: {listed}."
    trained_on = {r.member: _trained_on(statuses[r.member]) for r in measured}
    if len(set(trained_on.values())) > 1:
        listed = "; ".join(
            f"{member} on {' + '.join(f'{use.name} {use.n:,}' for use in uses)}"
            for member, uses in trained_on.items()
        )
        yield f"Not equal: training data: {listed}."
    shorter = {
        (r.epochs, r.source_epochs)
        for r in measured
        if r.epochs is not None and r.epochs < r.source_epochs
    }
    if shorter:
        listed = ", ".join(f"{ours} of {theirs} epochs" for ours, theirs in sorted(shorter))
        yield f"Shorter than the source's training: {listed}."
    bands = [f"{r.member} {band.name}" for r in measured if (band := _band(statuses[r.member]))]
    if bands:
        yield f"Distance of training and validation in the notebook's bands: {', '.join(bands)}."
    for row in by_member.values():
        if row.state != "measured" or row.why:
            prefix = "Note on" if row.state == "measured" else "Not measured"
            yield f"{prefix}: {row.member}: {row.why or 'not trained yet'}"


def _trained_on(status: RunStatus) -> tuple[DataUse, ...]:
    return tuple(use for use in status.data if use.split == "train")


def _band(status: RunStatus) -> generalization_gap.Band | None:
    row = status.history[status.best - 1]
    task = generalization_gap.task_of(row)
    gap = generalization_gap.gap(row, task) if task else None
    return None if gap is None else generalization_gap.verdict(gap)
