"""What a card says because of the data sets behind it: the licence of the weights, what labels are,
who tells the groups. All of it follows from `ORIGIN` in the files of core/data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core import registry
from core.artifacts.card import Card
from core.data.base.origin import RESEARCH, Origin
from core.errors import UserError
from train.recipe.recipe import Recipe, load
from train.runs.prerequisites import RUNS
from train.runs.trained_weights import weights

TASKS = {
    "emotion": ("is {}, not what a person felt.", "what a data set's labels say of a picture"),
    "gender": ("follows {}. It says nothing about who somebody is.", "a data set's binary labels"),
    "age": ("is {}.", "the age that a data set's labels say"),
}
"""By task: how to say what its labels are, and what they are where no data set is known."""
RARE, FEW = 0.05, 100
"""An emotion is rare with less than this share of a data set's validation pictures, and fewer than
so many.
"""
CODE = "The code is MIT."


def origin(name: str) -> Origin:
    """What is known of a data set by its name in core/data; of any other, its name."""
    if name not in registry.names("core.data"):
        return Origin(name, "", "terms not known here")
    return registry.load("core.data", name).ORIGIN


def trained_on(recipe: Recipe) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Data sets that the weights have seen: the recipe's own, and those of the runs that it began
    with, as far back as they go; then the runs whose data cannot be told. Teachers are not in it:
    they lend answers, not weights.
    """
    names, gone = dict.fromkeys(recipe.data), []
    runs = list(recipe.starts)
    for path in runs:  # grows on the way
        before = _recipe(path)
        if before is None:
            gone.append(path)
        else:
            names |= dict.fromkeys(before.data)
            runs += [p for p in before.starts if p not in runs]
    return tuple(names), tuple(gone)


def _recipe(path: str) -> Recipe | None:
    """Of a run, or where it is not on this machine, of the recipe that its folder is named after;
    None where neither is there.
    """
    try:
        return weights(path)[1]
    except UserError:
        name = Path(path).name
        return (
            load(name)
            if Path(path).parent == RUNS and name in registry.names("train.recipes")
            else None
        )


def licence(names: Sequence[str], gone: Sequence[str] = ()) -> str:
    """Of weights that were trained on these data sets. gone: as `trained_on` gives it.

    >>> licence(["ferplus"])
    'The weights were trained on FER2013 pictures with FER+ labels, for non-commercial research: so are the weights. The code is MIT.'
    """
    known = [origin(n) for n in names]
    one = {o.licence for o in known} == {RESEARCH}
    each = listed(f"on {o.pictures or o.name}" + ("" if one else f" ({o.licence})") for o in known)
    if one:
        all_ = {1: "", 2: "both "}.get(len(known), "all ")
        terms = f", {all_}for {RESEARCH}: so are the weights"
    elif all(map(_drawn, names)):
        terms = ""
    else:
        terms = ": they may be used only as " + (
            "that allows" if len(known) == 1 else "all of these allow"
        )
    began = (
        f" They began as those of {listed(gone)}, whose data are not known here." if gone else ""
    )
    return f"The weights were trained {each}{terms}.{began} {CODE}"


def _drawn(name: str) -> bool:
    return name in registry.names("core.data") and getattr(
        registry.load("core.data", name), "GENERATED", False
    )


def data_sets(card: Card) -> tuple[str, ...]:
    """Names of a card's data sets; of one that was exported without any, those of its recipe."""
    return tuple(dict.fromkeys(d["name"] for d in card.data)) or tuple(card.recipe.get("data", ()))


def of_labels(card: Card) -> list[str]:
    """A sentence or two for each task that the model answers, and what its data sets say that
    labels are; one for its rare emotions.
    """
    known = [origin(n) for n in data_sets(card)]
    found = []
    for head in card.heads:
        form, nothing = TASKS[head.task]
        said: dict[tuple[str, str], list[str]] = {}
        for o in known:
            if head.task in o.labels:
                said.setdefault((o.labels[head.task], o.more.get(head.task, "")), []).append(o.name)
        for (what, more), names in (said or {(nothing, ""): []}).items():
            where = f" in {listed(names)}" if len(said) > 1 else ""
            found.append(
                f"*{named(head.task).capitalize()}*{where} {form.format(what)} {more}".rstrip()
            )
    return found + _rare(card)


def _rare(card: Card) -> list[str]:
    found = []
    rows = [m for m in card.metrics if m["metric"] == "emotion_recall" and m.get("group")]
    for name in dict.fromkeys(m["data"] for m in rows):
        here = {m["group"].partition(": ")[2]: m["n"] for m in rows if m["data"] == name}
        few = {label: n for label, n in here.items() if n < min(FEW, RARE * sum(here.values()))}
        if few:
            verb, how = ("is", "") if len(few) == 1 else ("are", " each")
            what = f"{listed(sorted(few)).capitalize()} {verb} rare in {origin(name).name}"
            theirs = (
                "its figure has a wide interval"
                if len(few) == 1
                else "their figures have wide intervals"
            )
            found.append(
                f"{what} (at most {max(few.values())} validation pictures{how}): {theirs}."
            )
    return found


def of_groups(rows: Iterable[Mapping[str, Any]]) -> str:
    """Who says which of the groups a picture belongs to. rows: a card's metrics that have a group,
    such as `age: 20-29`.
    """
    kinds: dict[str, set[str]] = {}
    for m in rows:
        kinds.setdefault(m["data"], set()).add(kind(m["group"]))
    told = "; ".join(
        f"{listed(sorted(k))} {(o := origin(name)).true or f'''as {o.name}'s labels say'''}"
        for name, k in kinds.items()
    )
    return f"{told[:1].upper()}{told[1:]}."


def of_data(card: Card) -> str:
    """Where the data sets come from, their terms, and how ours divide where the publishers do not."""
    known = [origin(n) for n in data_sets(card)]
    names = listed(f"{o.name} ({'; '.join(filter(None, (o.source, o.licence)))})" for o in known)
    return " ".join(filter(None, (f"{names}." if names else "", *(o.note for o in known))))


def kind(group: str) -> str:
    """`age: 20-29` -> `age`."""
    return group.partition(": ")[0]


def named(task: str) -> str:
    """A task as people read it."""
    return {"gender": "perceived gender"}.get(task, task)


def listed(names: Iterable[str]) -> str:
    """a, b and c"""
    *most, last = list(names) or [""]
    return f"{', '.join(most)} and {last}" if most else last
