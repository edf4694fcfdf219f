"""A study's verdict: sentences that follow from its table alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

from scipy.stats import kendalltau

from core.vocabulary import column_title, task_metric
from train.runs.card_metrics import DataUse, PooledMetric
from train.runs.gap import gap_of
from train.runs.status import RunStatus
from train.study.plan import StudyPlan
from train.study.table import StudyRow, format_difference, format_figure

Difference = tuple[float, float, float]
"""A difference between two figures, and the ends of its 95 % interval."""
Compare = Callable[[str, str, str], Difference | None]
"""Two members and a figure -> the first's minus the second's value on the same samples; None where
unknown.
"""
OURS = "ours"
"""Source of a study that reproduces no other's figures."""
MAX_RECOMMENDED_GAP = 10.0
"""Percentage points, from which the FER capstone notebook (unpublished) recommends no model."""
Figures = Mapping[str, PooledMetric]
"""Member -> its figure."""


def excludes_zero(difference: Difference) -> bool:
    """Return whether zero lies outside the interval of a difference."""
    _, low, high = difference
    return low > 0 or high < 0


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
    repeats = {member.folder for member in plan.study.members if member.repeats}
    for name in plan.study.figures:
        rows = [
            r
            for r in table
            if r.figure == name and r.state == "measured" and r.member not in repeats
        ]
        comparable, others = _comparable(rows, statuses, name)
        prefix = f"{column_title(name)}. " if len(plan.study.figures) > 1 else ""
        sentences += [
            prefix + text
            for text in (
                *_against_source(rows),
                *_best(comparable, name, paired),
                *_recommended(comparable, statuses, name),
                *_ranking(comparable, {r.member: r.source for r in rows}, name),
            )
        ]
        if others:
            sentences.append(
                f"{prefix}Not compared, as validated on other pictures or classes: "
                f"{', '.join(others)}."
            )
    first_seeds = [row for row in table if row.member not in repeats]
    return sentences + list(_fairness(first_seeds, statuses, plan.study.source))


def _comparable(
    rows: Sequence[StudyRow], statuses: Mapping[str, RunStatus], name: str
) -> tuple[Figures, list[str]]:
    """Return the figures of most members with the same validation samples and classes; the rest."""
    groups: dict[tuple[frozenset[DataUse], tuple[str, ...]], dict[str, PooledMetric]] = {}
    for row in rows:
        status = statuses[row.member]
        head = status.card.head(name.partition("_")[0]) if status.card else None
        labels = tuple(sorted(head.labels)) if head and not name.startswith("age") else ()
        figure = status.figures[name]
        groups.setdefault((frozenset(figure.on), labels), {})[row.member] = figure
    largest: Figures = max(groups.values(), key=len, default={})
    return largest, [row.member for row in rows if row.member not in largest]


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
    return -1 if task_metric(name)[1].better == "lower" else 1


def _best(figures: Figures, name: str, paired: Compare) -> Iterator[str]:
    ranked = sorted(figures, key=lambda member: -_sign(name) * figures[member].value)
    if len(ranked) < 2:
        return
    first, second = ranked[:2]
    order = ", ".join(f"{member} {format_figure(name, figures[member].value)}" for member in ranked)
    yield f"Our order, best first: {order}."
    same_samples = paired(first, second, name)
    difference = same_samples or unpaired_difference(figures[first], figures[second])
    how = "paired, on the same pictures" if same_samples else "unpaired"
    value, low, high = (format_difference(name, v) for v in difference)
    meaning = (
        "more than chance in the choice of pictures explains"
        if excludes_zero(difference)
        else "which chance in the choice of pictures can explain"
    )
    yield f"{first} leads {second} by {value}, 95 % interval {low} to {high} ({how}), {meaning}."


def _recommended(figures: Figures, statuses: Mapping[str, RunStatus], name: str) -> Iterator[str]:
    """Yield the member that the FER capstone notebook's rule recommends: accurate, no overfit."""
    best_rows = {m: statuses[m].history[statuses[m].best - 1] for m in figures}
    gaps = {m: gap for m, row in best_rows.items() if (gap := gap_of(row))}
    gaps = {m: gap for m, gap in gaps.items() if name == f"{gap.task}_accuracy"}
    if len(gaps) < 2:
        return
    rule = f"the best with a gap under {MAX_RECOMMENDED_GAP:.0f} points between training and"
    eligible = [m for m, gap in gaps.items() if gap.points < MAX_RECOMMENDED_GAP]
    if not eligible:
        yield f"The notebook's rule, {rule} validation, recommends none."
        return
    chosen = max(eligible, key=lambda member: figures[member].value)
    yield (
        f"The notebook's rule, {rule} validation, recommends {chosen}: "
        f"{format_figure(name, figures[chosen].value)}, gap {gaps[chosen].points:+.1f} points."
    )


def unpaired_difference(a: PooledMetric, b: PooledMetric) -> Difference:
    """Return a's minus b's value, its interval from both members' own.

    Newcombe's method 10 (Stat. Med. 17, 1998, 873-890). It is wider than a paired interval.
    """
    difference = a.value - b.value
    below = ((a.value - a.low) ** 2 + (b.high - b.value) ** 2) ** 0.5
    above = ((a.high - a.value) ** 2 + (b.value - b.low) ** 2) ** 0.5
    return difference, difference - below, difference + above


def _ranking(figures: Figures, sources: Mapping[str, float | None], name: str) -> Iterator[str]:
    """Yield a sentence on how far the source's order of members is ours too."""
    theirs = {m: value for m in figures if (value := sources[m]) is not None}
    pairs = [
        (a, b, theirs[a] - theirs[b], figures[a].value - figures[b].value)
        for a, b in combinations(theirs, 2)
    ]
    if not pairs:
        return
    untied = [(a, b, x, y) for a, b, x, y in pairs if x != 0 and y != 0]
    agree = sum((x > 0) == (y > 0) for *_, x, y in untied)
    against = [
        (a, b) if y * _sign(name) > 0 else (b, a) for a, b, x, y in untied if (x > 0) != (y > 0)
    ]
    beyond_chance = [
        f"{a} over {b}"
        for a, b in against
        if excludes_zero(unpaired_difference(figures[a], figures[b]))
    ]
    tied = len(pairs) - len(untied)
    tau = "undefined"
    if untied:
        ours = [figures[m].value for m in theirs]
        tau = f"{kendalltau(list(theirs.values()), ours).statistic:+.2f}"
    text = f"The source's ranking holds in {agree} of {len(untied)} pairs (Kendall's tau {tau}"
    text += f"; {tied} pair{'s' if tied > 1 else ''} more tied)" if tied else ")"
    if against:
        text += (
            "; of those against it, beyond an unpaired 95 % interval: "
            f"{', '.join(beyond_chance) or 'none'}"
        )
    yield text + "."


def _fairness(
    table: Sequence[StudyRow], statuses: Mapping[str, RunStatus], source: str
) -> Iterator[str]:
    """Yield sentences on whether the members had the same chance, and on who is missing."""
    by_member = {r.member: r for r in table}
    measured = [r for r in by_member.values() if r.state == "measured"]
    for title, counts in (
        ("epochs", {r.member: r.epochs or 0 for r in measured}),
        ("training pictures (with repeats)", {r.member: r.images_seen or 0 for r in measured}),
    ):
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{member} {n:,}" for member, n in counts.items())
            yield f"Not equal: {title}: {listed}."
    trained_on: dict[tuple[DataUse, ...], list[str]] = {}
    for row in measured:
        trained_on.setdefault(_trained_on(statuses[row.member]), []).append(row.member)
    if len(trained_on) > 1:
        listed = "; ".join(
            f"{', '.join(members)} on {' + '.join(f'{use.name} {use.n:,}' for use in uses)}"
            for uses, members in trained_on.items()
        )
        yield f"Not equal: training data: {listed}."
    shorter = {
        (r.epochs, r.source_epochs)
        for r in measured
        if r.epochs is not None and r.epochs < r.source_epochs
    }
    if shorter:
        listed = ", ".join(f"{ours} of {theirs} epochs" for ours, theirs in sorted(shorter))
        whose = "recipe" if source == OURS else "source"
        yield f"Shorter than the {whose}'s training: {listed}."
    bands = [
        f"{r.member} {gap.verdict}"
        for r in measured
        if (gap := gap_of(statuses[r.member].history[statuses[r.member].best - 1]))
    ]
    if bands:
        yield f"Distance of training and validation in the notebook's bands: {', '.join(bands)}."
    for row in by_member.values():
        if row.state != "measured" or row.why:
            prefix = "Note on" if row.state == "measured" else "Not measured"
            yield f"{prefix}: {row.member}: {row.why or 'not trained yet'}"


def _trained_on(status: RunStatus) -> tuple[DataUse, ...]:
    return tuple(use for use in status.data if use.split == "train")
