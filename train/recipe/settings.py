"""The settings that a recipe consists of: small frozen values with defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from core.errors import UserError

ScheduleKind = Literal["warmup_cosine", "one_cycle", "cosine", "restarts", "plateau", "constant"]
Order = Literal["shuffle", "weighted", "balanced", "alternate"]
Counting = Literal["torch", "keras"]


@dataclass(frozen=True)
class Model:
    """The architecture.

    Attributes:
        family: a file of core/models.
        options: keyword arguments of its `build`.
        pretrained: begin with the weights that timm has under the model's name, and stop where they
            cannot be had.
    """

    family: str = "plain"
    options: Mapping[str, Any] = field(default_factory=dict)
    pretrained: bool = False


@dataclass(frozen=True)
class Augment:
    """Random changes of a uint8 crop.

    Those without a unit are probabilities in [0, 1]; 0 everywhere: none.

    Attributes:
        flip: mirror.
        rotate: degrees either way.
        zoom: share of the side either way.
        shift: share of the side either way.
        light: brightness and contrast, share either way.
        contrast: contrast alone, share either way.
        lowres: down-up-scaling to `lowres_min`..1 of the side.
        lowres_min: smallest share of the side.
        blur: a Gaussian of up to `blur_max` pixels.
        blur_max: pixels.
        noise: Gaussian noise of up to `noise_max` grey levels.
        noise_max: grey levels.
        jpeg: compression at quality 30 to 90.
        erase: a rectangle of noise of up to `erase_max` of the area.
        erase_max: share of the area.
        elastic: smooth bends; this and the rest by `train.batches.geometry`.
        grid: bends by a grid of points.
        hue: turned colours.
        saturation: stronger or weaker colours.
        gamma: brighter or darker tones.
        clahe: local contrast.
        equalise: an even histogram.
        motion: blur along a line.
        median: the median of neighbours.
        speckle: multiplicative noise.
        iso: a camera's noise.
        holes: up to eight small black squares.
    """

    flip: float = 0.5
    rotate: float = 10.0
    zoom: float = 0.12
    shift: float = 0.07
    light: float = 0.25
    contrast: float = 0.0
    lowres: float = 0.25
    lowres_min: float = 0.45
    blur: float = 0.15
    blur_max: float = 1.0
    noise: float = 0.15
    noise_max: float = 12.0
    jpeg: float = 0.1
    erase: float = 0.25
    erase_max: float = 0.2
    elastic: float = 0.0
    grid: float = 0.0
    hue: float = 0.0
    saturation: float = 0.0
    gamma: float = 0.0
    clahe: float = 0.0
    equalise: float = 0.0
    motion: float = 0.0
    median: float = 0.0
    speckle: float = 0.0
    iso: float = 0.0
    holes: float = 0.0


NO_AUGMENT = Augment(
    flip=0, rotate=0, zoom=0, shift=0, light=0, lowres=0, blur=0, noise=0, jpeg=0, erase=0
)


@dataclass(frozen=True)
class Mix:
    """Mixup (arXiv 1710.09412) and CutMix (arXiv 1905.04899), see `train.batches.mixup`.

    Attributes:
        mixup: alpha of the Beta distribution, 0 for none; with both, a batch takes one at random.
        cutmix: the same.
        probability: of a batch to be mixed at all.
    """

    mixup: float = 0.0
    cutmix: float = 0.0
    probability: float = 1.0


@dataclass(frozen=True)
class Loss:
    """The loss of one head.

    Attributes:
        name: a file of train/losses.
        weight: in the sum over heads.
        options: keyword arguments of the loss.
        balanced: weigh each class by N / (K n_k).
    """

    name: str
    weight: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    balanced: bool = False


@dataclass(frozen=True)
class Optim:
    """The optimizer.

    Attributes:
        name: of timm.optim.
        lr: highest learning rate.
        weight_decay: on every weight but biases and norms.
        clip: largest gradient norm, 0 for none.
        l2: part of the network ("" for all) -> strength of an L2 penalty on its kernels as Keras
            means it, for `adam` or `sgd`.
        options: more arguments.
    """

    name: str = "adamw"
    lr: float = 3e-3
    weight_decay: float = 0.02
    clip: float = 1.0
    l2: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.l2 and "adamw" in self.name:
            raise UserError(
                f"Expected optim.l2 with adam or sgd, got {self.name}, which decays weights "
                "instead; see optim.weight_decay."
            )


@dataclass(frozen=True)
class Schedule:
    """The learning rate over a run, as shares of optim.lr; formulas in `train.loop.schedule`.

    - warmup_cosine: linear warm-up over `warmup` of all steps, then a cosine down to `floor`.
    - one_cycle: torch's OneCycleLR, `initial` up to 1 over `warmup` of all steps, then down to
      `floor`, while the momentum (Adam's beta1) goes from 0.95 to 0.85 and back.
    - cosine: 1 down to `floor`.
    - restarts: the same over `period` epochs, then again, each `multiply` times as long.
    - plateau: times `factor` after epochs without a smaller validation loss, down to `floor`.
    - constant: 1 throughout.

    Attributes:
        warmup: share of all steps.
        floor: lowest share of optim.lr.
        kind: one of those above.
        initial: first share of optim.lr, of one_cycle.
        factor: of plateau.
        patience: of plateau, in epochs.
        period: of restarts, in epochs.
        multiply: of restarts.
        counting: of plateau: it acts after more than `patience` epochs as "torch" counts, after
            `patience` of them as "keras" does, whose validation loss also has the penalty of
            optim.l2.
    """

    warmup: float = 0.15
    floor: float = 0.001
    kind: ScheduleKind = "warmup_cosine"
    initial: float = 0.04
    factor: float = 0.5
    patience: int = 5
    period: int = 10
    multiply: int = 2
    counting: Counting = "torch"

    def __post_init__(self) -> None:
        _one_of("schedule.kind", self.kind, ScheduleKind)
        _one_of("schedule.counting", self.counting, Counting)
        if min(self.period, self.multiply) < 1:
            raise UserError(
                "Expected schedule.period and schedule.multiply from 1, got "
                f"{self.period} and {self.multiply}."
            )


@dataclass(frozen=True)
class Freeze:
    """Parts of the network that do not learn: neither weights nor BatchNorm statistics change.

    Attributes:
        parts: names of modules, such as "backbone.features".
        epochs: for the first so many, 0 for the whole run.
    """

    parts: tuple[str, ...] = ()
    epochs: int = 0


@dataclass(frozen=True)
class Distill:
    """Learning from trained networks, see `train.loop.teachers` and `train.loop.distill`.

    Attributes:
        teachers: their run folders, checkpoints or bundles, or `package:NAME` for networks that a
            Python package carries; none: no distillation.
        weights: of the teachers in their mean, over 0, in their order; none: all alike.
        share: of a labelled sample's loss that is the teachers', in [0, 1].
        missing: weight of a sample without a label for a head, beside a labelled one's.
        temperature: of classes.
        features: weight of the embeddings' similarities, for one teacher.
    """

    teachers: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    share: float = 0.5
    missing: float = 1.0
    temperature: float = 1.0
    features: float = 0.0

    def __post_init__(self) -> None:
        if (
            not 0 <= self.share <= 1
            or self.missing < 0
            or self.features < 0
            or self.temperature <= 0
        ):
            raise UserError(
                "Expected distill.share in [0, 1], missing and features from 0, temperature over "
                f"0, got {self}."
            )
        if not all(isinstance(w, int | float) and w > 0 for w in self.weights):
            raise UserError(f"Expected numbers over 0 as distill.weights, got {self.weights}.")

    @property
    def teacher_weights(self) -> tuple[float, ...]:
        """The weight of each teacher.

        Raises:
            UserError: there are more or fewer weights than teachers.
        """
        if self.weights and len(self.weights) != len(self.teachers):
            raise UserError(
                f"Expected one of distill.weights for each of {len(self.teachers)} teachers, got "
                f"{len(self.weights)}; try --set 'distill.weights=()' for all alike."
            )
        return self.weights or (1.0,) * len(self.teachers)


@dataclass(frozen=True)
class Sampling:
    """How batches are drawn, see `train.batches.sampling`.

    Attributes:
        order: shuffle: all samples once an epoch; weighted: data sets by `weights`, each sample of
            a set alike; balanced: every emotion (or gender) alike; alternate: each batch from one
            data set, in turn.
        weights: by data set.
        epoch_samples: at most so many in an epoch, so that runs on data of different sizes can have
            equal budgets; 0: as many as there are.
    """

    order: Order = "shuffle"
    weights: Mapping[str, float] = field(default_factory=dict)
    epoch_samples: int = 0

    def __post_init__(self) -> None:
        _one_of("sampling.order", self.order, Order)
        if self.epoch_samples < 0:
            raise UserError(f"Expected sampling.epoch_samples from 0, got {self.epoch_samples}.")


def _one_of(name: str, value: str, kinds: Any) -> None:
    if value not in get_args(kinds):
        raise UserError(
            f"Expected {name} to be one of {', '.join(get_args(kinds))}, got {value!r}."
        )
