"""A recipe: a frozen value that holds everything that a training run depends on.

Recipes derive from each other by `replace`.
"""

from __future__ import annotations

import importlib.util
import json
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from core import registry
from core.artifacts.card import Head
from core.errors import ModelError, UserError
from core.labels import AGE_BINS, FER4, FER6, FER7, FERPLUS8, GENDER2, UTKFACE_GENDER
from core.preprocess import InputSpec
from core.schema import explain
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
GENDER_MALE_FIRST = Head("gender", "softmax", UTKFACE_GENDER, "gender")
GENDER_SIGMOID = Head("gender", "sigmoid", GENDER2.labels, "gender")
YEARS = Head("age", "regression", (), "age")


@dataclass(frozen=True)
class Recipe:
    """Everything that a run depends on but the data's place and the machine.

    Attributes:
        heads: what the network predicts.
        losses: by task, one for each head.
        data: files of core/data, to train on.
        validation: the same, to validate on; none: those of `data`.
        model: the architecture.
        input: how faces are cropped and normalised.
        augment: random changes of crops.
        optim: the optimizer.
        schedule: the learning rate over the run.
        mix: mixup and CutMix.
        sampling: the order of samples.
        freeze: parts of the network that do not learn.
        distill: trained networks to learn from.
        soft_labels: learn emotions from the shares of the annotators' votes where a data set has
            them, else from its one label.
        start: checkpoint or run folder whose weights to begin with, where names and shapes agree;
            of several, with commas between them, their mean.
        epochs: at most.
        batch: samples of all processes in one batch.
        accumulation: batches whose gradients are added up before a step.
        amp: mixed precision: "no", "bf16" or "fp16".
        compile: by torch.compile.
        qat: fine-tune a trained network, folded, with the rounding of INT8; see
            `train.compression.qat`.
        ema: decay of the averaged weights that are validated and exported, 0 for none.
        monitor: validation figure that selects the best epoch and stops early: "score", the mean
            over the heads; "loss"; or one head's, such as "emotion_accuracy" or "age_mae".
        patience: epochs without a better figure before stopping, 0 for never.
        min_delta: by how much a score must be better.
        seed: of all randomness.
        source: the document that is reproduced.
        expected: the figures it reports, by the name they have in a run's history.
        findings: what comparing it with others showed, a sentence each, for the card.
    """

    heads: tuple[Head, ...]
    losses: Mapping[str, Loss]
    data: tuple[str, ...]
    validation: tuple[str, ...] = ()
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
    monitor: str = "score"
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
        figures = {"age_mae" if task == "age" else f"{task}_accuracy" for task in tasks}
        if self.monitor not in {"score", "loss", *figures}:
            raise UserError(
                f"Expected monitor to be score, loss or {' or '.join(sorted(figures))}, got "
                f"{self.monitor!r}."
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
        """The runs whose weights it begins with; there may be none."""
        return tuple(path.strip() for path in self.start.split(",") if path.strip())

    def datasets(self, split: str) -> tuple[str, ...]:
        """Return the data sets of a split: those to validate on for "val", else those of `data`."""
        return self.validation if split == "val" and self.validation else self.data

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON; `from_dict` undoes it."""
        values: dict[str, object] = json.loads(json.dumps(asdict(self)))
        return values


def from_dict(values: object) -> Recipe:
    """Return the recipe that a checkpoint or bundle holds.

    What an older version did not have takes its default.

    Raises:
        UserError: it was stored by a newer version; names the fields.
        ModelError: a field is missing or malformed.
    """
    names = {f.name for f in fields(Recipe)}
    unknown = set(values) - names if isinstance(values, Mapping) else set()
    if unknown:
        raise UserError(
            f"Expected a recipe of this version, got the fields {sorted(unknown)}; "
            "try a newer Mien."
        )
    try:
        return TypeAdapter(Recipe).validate_python(values)
    except ValidationError as error:
        raise ModelError(explain(error, "recipe")) from error


def load(name: str) -> Recipe:
    """Return the recipe of that name, a file of train/recipes, or of a user's own file.

    Args:
        name: without an ending, or the path of a Python file with a value `RECIPE`, which is run.

    Raises:
        UserError: unknown name, with the nearest one; or the file has no recipe or fails.
    """
    if name.endswith(".py"):
        return _load_file(Path(name))
    recipe: Recipe = registry.load("train.recipes", name).RECIPE
    return recipe


def short_name(name: str) -> str:
    """Return what a run folder and a bundle are called: `mine` for `path/to/mine.py`."""
    return Path(name).stem if name.endswith(".py") else name


def _load_file(path: Path) -> Recipe:
    """Return the `RECIPE` of a user's own Python file."""
    spec = importlib.util.spec_from_file_location(f"own_recipe_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise UserError(f"Expected a recipe or a Python file with one, got {path}; see --list.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        lines = [
            f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)
        ]
        line = error.lineno if isinstance(error, SyntaxError) else next(reversed(lines), None)
        raise UserError(
            f"Expected a Python file with a recipe, got {type(error).__name__} in line {line} of "
            f"{path}: {error}."
        ) from error
    recipe = getattr(module, "RECIPE", None)
    if not isinstance(recipe, Recipe):
        raise UserError(
            f"Expected a value `RECIPE` of the type Recipe in {path}, got {type(recipe).__name__}; "
            "try RECIPE = replace(ANOTHER, ...), as the files of train/recipes do."
        )
    return recipe
