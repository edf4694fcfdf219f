"""What a card says because of the data sets behind it: licence, labels, groups, sources.

All of it follows from `ORIGIN` in the files of core/data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from core import registry
from core.artifacts.card import Card
from core.artifacts.card_rows import MetricRow
from core.data.base.origin import RESEARCH, Origin
from core.errors import UserError
from core.vocabulary import TASKS
from train.recipe.recipe import Recipe, load
from train.runs.prerequisites import RUNS
from train.runs.trained_weights import weights

LABEL_SENTENCES = {
    "emotion": "is {}, not what a person felt.",
    "gender": "follows {}. It says nothing about who somebody is.",
    "age": "is {}.",
}
"""Task -> how to say what its labels are."""
UNKNOWN_LABELS = {
    "emotion": "what a data set's labels say of a picture",
    "gender": "a data set's binary labels",
    "age": "the age that a data set's labels say",
}
"""Task -> what its labels are where the data set is not known."""
RARE_SHARE, RARE_COUNT = 0.05, 100
"""An emotion is rare with less than this share of a data set's validation pictures, and fewer than
so many.
"""
CODE_LICENCE = "The code is MIT."


def origin_of(name: str) -> Origin:
    """Return what is known of a data set by its name in core/data; of any other, its name."""
    if name not in registry.names("core.data"):
        return Origin(name, "", "terms not known here")
    origin: Origin = registry.load("core.data", name).ORIGIN
    return origin


def trained_on(recipe: Recipe) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the data sets that the weights were trained on, and runs whose data are not known.

    The data sets are the recipe's own, and those of the runs that it started from, as far back as
    they go. Teachers do not count: they give predictions, not weights.
    """
    names, unknown = dict.fromkeys(recipe.data), []
    runs = list(recipe.starts)
    for path in runs:  # grows on the way
        start = _recipe_of(path)
        if start is None:
            unknown.append(path)
        else:
            names |= dict.fromkeys(start.data)
            runs += [p for p in start.starts if p not in runs]
    return tuple(names), tuple(unknown)


def _recipe_of(path: str) -> Recipe | None:
    """Return a run's recipe, or without the run, the recipe that its folder is named after.

    None where there is neither.
    """
    try:
        return weights(path)[1]
    except UserError:
        name = Path(path).name
        is_recipe = Path(path).parent == RUNS and name in registry.names("train.recipes")
        return load(name) if is_recipe else None


def licence(names: Sequence[str], unknown: Sequence[str] = ()) -> str:
    """Return the licence of weights that were trained on these data sets.

    Args:
        names: data sets.
        unknown: runs that the weights started from and whose data are not known.

    >>> licence(["synthetic"]).rpartition(". ")[2]
    'The code is MIT.'
    """
    origins = [origin_of(name) for name in names]
    all_research = {o.licence for o in origins} == {RESEARCH}
    sources = join_words(
        f"on {o.pictures or o.name}" + ("" if all_research else f" ({o.licence})") for o in origins
    )
    if all_research:
        scope = {1: "", 2: "both "}.get(len(origins), "all ")
        terms = f", {scope}for {RESEARCH}: so are the weights"
    elif all(map(_is_generated, names)):
        terms = ""
    else:
        what = "that allows" if len(origins) == 1 else "all of these allow"
        terms = f": they may be used only as {what}"
    began = ""
    if unknown:
        began = f" They began as those of {join_words(unknown)}, whose data are not known here."
    return f"The weights were trained {sources}{terms}.{began} {CODE_LICENCE}"


def _is_generated(name: str) -> bool:
    return name in registry.names("core.data") and getattr(
        registry.load("core.data", name), "GENERATED", False
    )


def data_sets(card: Card) -> tuple[str, ...]:
    """Return the names of a card's data sets; of one without any, those of its recipe."""
    return tuple(dict.fromkeys(d["name"] for d in card.data)) or tuple(card.recipe.get("data", ()))


def label_sentences(card: Card) -> list[str]:
    """Return what the labels of each task are, by data set, and which emotions are rare."""
    origins = [origin_of(name) for name in data_sets(card)]
    sentences = []
    for head in card.heads:
        names_of: dict[tuple[str, str], list[str]] = {}
        for origin in origins:
            if head.task in origin.labels:
                key = (origin.labels[head.task], origin.more.get(head.task, ""))
                names_of.setdefault(key, []).append(origin.name)
        for (labels, more), names in (names_of or {(UNKNOWN_LABELS[head.task], ""): []}).items():
            where = f" in {join_words(names)}" if len(names_of) > 1 else ""
            meaning = LABEL_SENTENCES[head.task].format(labels)
            title = TASKS[head.task].name.capitalize()
            sentences.append(f"*{title}*{where} {meaning} {more}".rstrip())
    return sentences + _rare_emotions(card)


def _rare_emotions(card: Card) -> list[str]:
    sentences = []
    rows = [m for m in card.metrics if m["metric"] == "emotion_recall" and m.get("group", "")]
    for name in dict.fromkeys(m["data"] for m in rows):
        counts = {
            m.get("group", "").partition(": ")[2]: m.get("n", 0) for m in rows if m["data"] == name
        }
        limit = min(RARE_COUNT, RARE_SHARE * sum(counts.values()))
        rare = {label: n for label, n in counts.items() if n < limit}
        if rare:
            verb, each, whose = ("is", "", "its figure has a wide interval")
            if len(rare) > 1:
                verb, each, whose = "are", " each", "their figures have wide intervals"
            sentences.append(
                f"{join_words(sorted(rare)).capitalize()} {verb} rare in {origin_of(name).name} "
                f"(at most {max(rare.values())} validation pictures{each}): {whose}."
            )
    return sentences


def group_sentence(rows: Iterable[MetricRow]) -> str:
    """Return where the groups of figures come from, such as labels or annotators.

    Args:
        rows: figures that have a group.
    """
    kinds: dict[str, set[str]] = {}
    for row in rows:
        kinds.setdefault(row["data"], set()).add(group_kind(row.get("group", "")))
    clauses = []
    for name, names in kinds.items():
        origin = origin_of(name)
        clauses.append(
            f"{join_words(sorted(names))} {origin.true or f'''as {origin.name}'s labels say'''}"
        )
    text = "; ".join(clauses)
    return f"{text[:1].upper()}{text[1:]}."


def data_sentence(card: Card) -> str:
    """Return where the data sets come from, their terms, and which splits are ours."""
    origins = [origin_of(name) for name in data_sets(card)]
    names = join_words(
        f"{o.name} ({'; '.join(filter(None, (o.source, o.licence)))})" for o in origins
    )
    first = f"{names[0].upper()}{names[1:]}." if names else ""
    return " ".join(filter(None, (first, *(o.note for o in origins))))


def group_kind(group: str) -> str:
    """Return the kind of a group.

    >>> group_kind("age: 20-29")
    'age'
    """
    return group.partition(": ")[0]


def join_words(words: Iterable[str]) -> str:
    """Return words as an enumeration.

    >>> join_words(["a", "b", "c"])
    'a, b and c'
    """
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last
