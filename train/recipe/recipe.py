"""A recipe is a frozen value that says everything about a training run. Recipes derive from each
other by `replace`.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import inspect
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from core import registry
from core.artifacts.card import Head
from core.errors import UserError
from core.labels import AGE_BINS, FER4, FER6, FER7, FERPLUS8, GENDER2
from core.preprocess import InputSpec
from train.recipe.settings import (
    Augment,
    Distill,
    Freeze,
    Loss,
    Mix,
    Model,
    Optim,
    Sampling,
    Schedule,
)

EMOTION8 = Head("emotion", "softmax", FERPLUS8.labels, "emotion")
GENDER = Head("gender", "softmax", GENDER2.labels, "gender")
AGE = Head("age", "distribution", tuple(str(i) for i in range(AGE_BINS)), "age")
EMOTION4 = Head("emotion", "softmax", FER4.labels, "emotion")
EMOTION6 = Head("emotion", "softmax", FER6.labels, "emotion")
EMOTION7 = Head("emotion", "softmax", FER7.labels, "emotion")
GENDER_SIGMOID = Head("gender", "sigmoid", GENDER2.labels, "gender")
YEARS = Head("age", "regression", (), "age")


@dataclass(frozen=True)
class Recipe:
    """Everything that a run depends on but the data's place and the machine.

    losses: by task, one for each head. data: files of core/data. soft_labels: learn emotions from
    the shares of the annotators' votes where a data set has them, else from its one label. start:
    checkpoint or run folder whose weights to begin with, where names and shapes agree; of several,
    with commas between them, their mean. ema: decay of the averaged weights that are validated and
    exported, 0 for none. patience: epochs without a better score before stopping, 0 for never. amp:
    "no", "bf16" or "fp16". qat: fine-tune a trained network, folded, with the rounding of INT8, see
    train/compression/qat.py. source: the document that is reproduced. expected: the figures it
    reports, by the name they have in a run's history. findings: what comparing it with others
    showed, a sentence each, for the card.
    """

    heads: tuple[Head, ...]
    losses: Mapping[str, Loss]
    data: tuple[str, ...]
    model: Model = field(default_factory=Model)
    input: InputSpec = field(default_factory=InputSpec)
    augment: Augment = field(default_factory=Augment)
    optim: Optim = field(default_factory=Optim)
    schedule: Schedule = field(default_factory=Schedule)
    mix: Mix = field(default_factory=Mix)
    sampling: Sampling = field(default_factory=Sampling)
    freeze: Freeze = field(default_factory=Freeze)
    distill: Distill = field(default_factory=Distill)
    soft_labels: bool = True
    start: str = ""
    epochs: int = 30
    batch: int = 128
    accumulation: int = 1
    amp: str = "bf16"
    compile: bool = False
    qat: bool = False
    ema: float = 0.998
    patience: int = 0
    min_delta: float = 0.0
    seed: int = 0
    source: str = ""
    expected: Mapping[str, float] = field(default_factory=dict)
    findings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        tasks = {h.task for h in self.heads}
        if tasks != set(self.losses):
            raise ValueError(
                f"Expected one loss for each of {sorted(tasks)}, got {sorted(self.losses)}."
            )
        if (
            self.epochs < 1
            or self.batch < 2
            or self.accumulation < 1
            or self.amp not in ("no", "bf16", "fp16")
        ):
            raise UserError(
                "Expected epochs >= 1, batch >= 2, accumulation >= 1 and amp no, bf16 or fp16, got "
                f"{self.epochs}, {self.batch}, {self.accumulation}, {self.amp}."
            )

    @property
    def starts(self) -> tuple[str, ...]:
        """The runs whose weights it begins with, of which there may be none."""
        return tuple(path.strip() for path in self.start.split(",") if path.strip())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` undoes it."""
        return json.loads(json.dumps(asdict(self)))


def from_dict(values: Mapping[str, Any]) -> Recipe:
    """The recipe stored in a checkpoint or bundle, also by an older version: what it did not know
    takes its default.

    Raises:
        UserError: it was stored by a newer version; names the fields.
    """
    unknown = set(values) - {f.name for f in fields(Recipe)}
    if unknown:
        raise UserError(
            f"Expected a recipe of this version, got the fields {sorted(unknown)}; try a newer Mien."
        )
    frozen, distill = values.get("freeze", {}), values.get("distill", {})
    parts: dict[str, type] = {
        "model": Model,
        "augment": Augment,
        "optim": Optim,
        "schedule": Schedule,
        "mix": Mix,
        "sampling": Sampling,
    }
    return Recipe(
        **{
            **values,
            "heads": tuple(
                Head(h["task"], h["kind"], tuple(h["labels"]), h["output"]) for h in values["heads"]
            ),
            "losses": {k: Loss(**v) for k, v in values["losses"].items()},
            "data": tuple(values["data"]),
            "findings": tuple(values.get("findings", ())),
            "input": InputSpec.from_dict(values["input"]),
            "freeze": Freeze(tuple(frozen.get("parts", ())), frozen.get("epochs", 0)),
            "distill": Distill(**{**distill, "teachers": tuple(distill.get("teachers", ()))}),
            **{name: part(**values.get(name, {})) for name, part in parts.items()},
        }
    )


def load(name: str) -> Recipe:
    """The recipe of that name (a file of train/recipes).

    Raises:
        UserError: unknown name; suggests the nearest one.
    """
    return registry.load("train.recipes", name).RECIPE


def override(recipe: Any, assignments: list[str]) -> Any:
    """`recipe` with each "dotted.name=value" applied; values are Python literals or plain text.

    Raises:
        UserError: no such field (the nearest one is named) or a value of another type.
    """
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"Expected --set NAME=VALUE, got {text!r}.")
        recipe = _set(recipe, name.strip().split("."), _literal(value.strip()), name.strip())
    return recipe


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(
            {"true": "True", "false": "False", "none": "None"}.get(text.lower(), text)
        )
    except (ValueError, SyntaxError):
        return text


def _set(node: Any, names: list[str], value: Any, full: str) -> Any:
    head, rest = names[0], names[1:]
    if isinstance(node, Model) and head == "options" and rest:
        build = registry.load("core.models", node.family).build
        known = [
            k for k, p in inspect.signature(build).parameters.items() if p.kind is p.KEYWORD_ONLY
        ]
        return replace(node, options={**node.options, _known(rest[0], known, full): value})
    if isinstance(node, Mapping):
        known = list(node)
        _known(head, known, full)
        return {**node, head: _set(node[head], rest, value, full) if rest else value}
    if not is_dataclass(node) or isinstance(node, type):
        raise UserError(
            f"Expected {full!r} to name a field, but {'.'.join(names)!r} lies inside a plain value."
        )
    _known(head, [f.name for f in fields(node)], full)
    current = getattr(node, head)
    if rest:
        return dataclasses.replace(node, **{head: _set(current, rest, value, full)})
    return dataclasses.replace(
        node, **{head: _checked(value, get_type_hints(type(node))[head], full)}
    )


def _known(name: str, known: list[str], full: str) -> str:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}."
        raise UserError(f"Expected a field of the recipe, got {name!r} in --set {full}; {hint}")
    return name


def _checked(value: Any, wanted: Any, full: str) -> Any:
    kinds = get_args(wanted) if get_origin(wanted) in (Union, UnionType) else (wanted,)
    for kind in kinds:
        base = get_origin(kind) or kind
        if base is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if base is tuple and isinstance(value, str) and get_args(kind)[0] is str:
            return tuple(v.strip() for v in value.split(",") if v.strip())
        if base is tuple and isinstance(value, list | tuple):
            return tuple(value)
        base = {Mapping: dict, Literal: str}.get(
            base, base
        )  # which text a Literal allows, its dataclass checks
        if isinstance(value, base) and not (base is int and isinstance(value, bool)):
            return value
    raise UserError(
        f"Expected --set {full} to be {getattr(wanted, '__name__', wanted)}, got {value!r}."
    )
