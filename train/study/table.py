"""A study's table: one row per member and figure, and a verdict that follows from the rows alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from scipy.stats import kendalltau

from evaluation.training_runs import generalization_gap
from train.recipe.recipe import Recipe, load
from train.runs.status import Measured, Standing, total
from train.study.definition import Plan

Row = dict[str, Any]
Paired = Callable[[str, str, str], "tuple[float, float, float] | None"]
"""Two members and a figure -> the first's minus the second's value on the same pictures, with its
95 % interval; None where unknown.
"""
LOW_IS_GOOD = ("age_mae",)
TITLES = {
    "emotion_accuracy": "emotion accuracy",
    "gender_accuracy": "perceived-gender accuracy",
    "age_mae": "age error in years",
}


def rows(plan: Plan, standings: Mapping[str, Standing], failed: Mapping[str, str]) -> list[Row]:
    """One row for each member and each of the study's figures that it has, or that its source
    states; at least one for each member.

    Accuracies are shares, ages years. `state`: measured, failed, or not finished; `why` says more.
    Costs stand in every row of a member.
    """
    found: list[Row] = []
    for m in plan.study.members:
        recipe, standing = plan.recipe(m), standings[m.folder]
        state = (
            "measured" if standing.figures else "failed" if m.folder in failed else "not finished"
        )
        why = failed.get(m.folder) or standing.why
        costs = _costs(recipe, standing)
        names = [
            f
            for f in plan.study.figures
            if f in standing.figures or (not standing.figures and f"val_{f}" in recipe.expected)
        ]
        for name in names or [""]:
            row: Row = {
                "member": m.folder,
                "recipe": m.recipe,
                "figure": name or None,
                "state": state,
                "why": why or None,
            }
            row |= _figures(recipe, standing, name) | costs
            found.append(
                row
                | {"source_epochs": load(m.recipe).epochs, "source_measured_on": m.remark or None}
            )
    return found


def _figures(recipe: Recipe, standing: Standing, name: str) -> Row:
    source, ours = recipe.expected.get(f"val_{name}"), standing.figures.get(name)
    train = standing.history[standing.best - 1].get(f"train_{name}") if standing.history else None
    theirs = recipe.expected.get(f"train_{name}")
    return {
        "source": source,
        "ours": ours.value if ours else None,
        "low": ours.low if ours else None,
        "high": ours.high if ours else None,
        "n": ours.n if ours else None,
        "on": [[d, n] for d, _, n in ours.on] if ours else None,
        "ours_minus_source": ours.value - source if ours and source is not None else None,
        "source_is": _side(source, ours) if ours and source is not None else None,
        "train": train,
        "train_minus_val": train - ours.value if ours and train is not None else None,
        "source_train_minus_val": theirs - source
        if theirs is not None and source is not None
        else None,
    }


def _side(source: float, ours: Measured) -> str:
    return (
        "inside" if ours.low <= source <= ours.high else "above" if source > ours.high else "below"
    )


def _costs(recipe: Recipe, standing: Standing) -> Row:
    from train.loop.initialize import count_parameters

    history = standing.history
    seconds, cpu = total(history, "seconds"), total(history, "cpu_seconds")
    speed, memory = (
        [row[k] for row in history if row.get(k)] for k in ("images_per_s", "memory_mb")
    )
    return {
        "parameters": count_parameters(recipe)["total"],
        "epochs": len(history) or None,
        "best_epoch": standing.best or None,
        "images_seen": standing.images or None,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "images_per_s": sum(speed) / len(speed) if speed else None,
        "memory_mb": max(memory) if memory else None,
    }


def verdict(
    plan: Plan,
    table: Sequence[Row],
    standings: Mapping[str, Standing],
    paired: Paired = lambda a, b, figure: None,
) -> list[str]:
    """What the figures say, in sentences. Nothing in it is anybody's opinion."""
    said: list[str] = []
    for name in plan.study.figures:
        mine = [r for r in table if r["figure"] == name and r["state"] == "measured"]
        comparable, others = _comparable(mine, standings, name)
        prefix = f"{TITLES[name]}: " if len(plan.study.figures) > 1 else ""
        said += [
            prefix + text
            for text in (
                *_against_source(mine),
                *_best(comparable, name, paired),
                *_ranking(comparable, name),
            )
        ]
        if others:
            said.append(
                f"{prefix}not compared, as validated on other pictures or classes: {', '.join(others)}."
            )
    return said + list(_fairness(plan, table, standings))


def _comparable(
    mine: Sequence[Row], standings: Mapping[str, Standing], name: str
) -> tuple[list[Row], list[str]]:
    """The largest set of members validated on the same pictures in the same classes, and the names
    of the rest.
    """
    groups: dict[Any, list[Row]] = {}
    for r in mine:
        standing = standings[r["member"]]
        head = standing.card.head(name.partition("_")[0]) if standing.card else None
        labels = tuple(sorted(head.labels)) if head and not name.startswith("age") else ()
        groups.setdefault((frozenset(standing.figures[name].on), labels), []).append(r)
    best = max(groups.values(), key=len, default=[])
    return list(best), [r["member"] for r in mine if r not in best]


def _against_source(mine: Sequence[Row]) -> Iterator[str]:
    known = [r for r in mine if r["source_is"]]
    if known:
        parts = [
            f"{side} it for {', '.join(found)}"
            for side in ("above", "below")
            if (found := _named(known, side))
        ]
        inside = _named(known, "inside")
        text = f"The source's figure lies inside our 95 % interval for {len(inside)} of {len(known)} members"
        yield (
            text
            + (f" ({', '.join(inside)})" if inside else "")
            + "".join(f", {p}" for p in parts)
            + "."
        )


def _named(known: Sequence[Row], side: str) -> list[str]:
    return [r["member"] for r in known if r["source_is"] == side]


def _better(name: str) -> int:
    return -1 if name in LOW_IS_GOOD else 1


def _best(mine: Sequence[Row], name: str, paired: Paired) -> Iterator[str]:
    ranked = sorted(mine, key=lambda r: -_better(name) * r["ours"])
    if len(ranked) < 2:
        return
    first, second = ranked[0], ranked[1]
    order = ", ".join(f"{r['member']} {shown(name, r['ours'])}" for r in ranked)
    yield f"Our order, best first: {order}."
    found = paired(first["member"], second["member"], name)
    difference, low, high = found or unpaired(first, second)
    beyond = low > 0 or high < 0
    how = "paired, on the same pictures" if found else "unpaired"
    spread = f"{signed(name, difference)}, 95 % interval {signed(name, low)} to {signed(name, high)} ({how})"
    means = (
        "more than chance in the choice of pictures explains"
        if beyond
        else "which chance in the choice of pictures can explain"
    )
    yield f"{first['member']} leads {second['member']} by {spread}, {means}."


def unpaired(a: Row, b: Row) -> tuple[float, float, float]:
    """A's minus b's value with a 95 % interval from both members' own (Newcombe, Stat. Med. 1998):
    wider than a paired one.
    """
    difference = a["ours"] - b["ours"]
    below = ((a["ours"] - a["low"]) ** 2 + (b["high"] - b["ours"]) ** 2) ** 0.5
    above = ((a["high"] - a["ours"]) ** 2 + (b["ours"] - b["low"]) ** 2) ** 0.5
    return difference, difference - below, difference + above


def _ranking(mine: Sequence[Row], name: str) -> Iterator[str]:
    known = [r for r in mine if r["source"] is not None]
    if len(known) < 2:
        return
    agree, against, tied = 0, [], 0
    for a, b in combinations(known, 2):
        theirs, ours = a["source"] - b["source"], a["ours"] - b["ours"]
        if theirs == 0 or ours == 0:
            tied += 1
        elif (theirs > 0) == (ours > 0):
            agree += 1
        else:
            against.append((a, b) if ours * _better(name) > 0 else (b, a))
    sure = [
        f"{a['member']} over {b['member']}"
        for a, b in against
        if (s := unpaired(a, b))[1] > 0 or s[2] < 0
    ]
    text = f"The source's ranking holds in {agree} of {agree + len(against)} pairs"
    tau = (
        float(kendalltau([r["source"] for r in known], [r["ours"] for r in known]).statistic)
        if agree + len(against)
        else float("nan")
    )
    text += f" (Kendall's tau {tau:+.2f}" if tau == tau else " (Kendall's tau undefined"
    text += f"; {tied} pair{'s' if tied > 1 else ''} more tied)" if tied else ")"
    if against:
        text += f"; of those against it, beyond an unpaired 95 % interval: {', '.join(sure) if sure else 'none'}"
    yield text + "."


def _fairness(plan: Plan, table: Sequence[Row], standings: Mapping[str, Standing]) -> Iterator[str]:
    """Whether the members had the same chance, and who is missing."""
    each = {r["member"]: r for r in table}
    done = [r for r in each.values() if r["state"] == "measured"]
    for key, what in (("epochs", "epochs"), ("images_seen", "training pictures (with repeats)")):
        counts = {r["member"]: r[key] for r in done}
        if len(set(counts.values())) > 1:
            yield f"Not equal: {what}: " + ", ".join(f"{m} {n:,}" for m, n in counts.items()) + "."
    trained = {r["member"]: _trained_on(standings[r["member"]]) for r in done}
    if len(set(trained.values())) > 1:
        texts = {m: " + ".join(f"{d} {n:,}" for d, _, n in parts) for m, parts in trained.items()}
        yield (
            "Not equal: training data: "
            + "; ".join(f"{m} on {text}" for m, text in texts.items())
            + "."
        )
    short = [r for r in done if r["epochs"] < r["source_epochs"]]
    if short:
        epochs = {(r["epochs"], r["source_epochs"]) for r in short}
        yield (
            "Shorter than the source's training: "
            + ", ".join(f"{a} of {b} epochs" for a, b in sorted(epochs))
            + "."
        )
    bands = [f"{r['member']} {b.name}" for r in done if (b := _band(standings[r["member"]]))]
    if bands:
        yield f"Distance of training and validation in the notebook's bands: {', '.join(bands)}."
    for r in each.values():
        if r["state"] != "measured" or r["why"]:
            yield f"{'Not measured' if r['state'] != 'measured' else 'Note on'}: {r['member']}: {r['why'] or 'not trained yet'}"


def _trained_on(standing: Standing) -> tuple[tuple[str, str, int], ...]:
    data = standing.card.data if standing.card else ()
    return tuple((d["name"], d["fingerprint"], d["n"]) for d in data if d["split"] == "train")


def _band(standing: Standing) -> generalization_gap.Band | None:
    row = standing.history[standing.best - 1]
    task = generalization_gap.task_of(row)
    gap = generalization_gap.gap(row, task) if task else None
    return None if gap is None else generalization_gap.verdict(gap)


def shown(name: str, value: float | None) -> str:
    """A figure as text: per cent, or years."""
    return (
        "" if value is None else f"{value:.2f}" if name in LOW_IS_GOOD else f"{100 * value:.2f} %"
    )


def signed(name: str, value: float | None) -> str:
    """A difference as text: percentage points, or years."""
    return (
        "" if value is None else f"{value:+.2f}" if name in LOW_IS_GOOD else f"{100 * value:+.2f}"
    )
