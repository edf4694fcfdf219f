"""How a network's input is made from a picture; part of the card inside the model file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from core.errors import ModelError
from core.types import Point

# A FER2013 picture fills it: between the median landmarks of 379 FER+ and 400 UTKFace faces, so
# that neither loses forehead or chin.
TEMPLATE: tuple[Point, ...] = (
    (0.30, 0.35),
    (0.70, 0.35),
    (0.50, 0.57),
    (0.335, 0.735),
    (0.665, 0.735),
)

# Far wider than any network needs; inside them nothing that is computed from a spec leaves float32.
RANGES = {
    "template": (-10.0, 10.0),
    "box_scale": (0.01, 100.0),
    "box_shift": (-10.0, 10.0),
    "max_rotation": (0.0, 360.0),
    "max_zoom": (1.0, 1e3),
    "max_shift": (0.0, 1e3),
    "mean": (-1e3, 1e3),
    "std": (1e-6, 1e3),
}


@dataclass(frozen=True, slots=True)
class InputSpec:
    """How a network's input is made from a picture.

    Attributes:
        size: side of the square crop in pixels, 16 to 512.
        channels: 1 (grey) or 3 (RGB).
        template: the five landmarks' places in the crop, in crop sides.
        box_scale: where landmarks are missing or out of bounds, the crop is a square of this times
            the root of the box's area.
        box_shift: its centre lies this many box heights below the box's centre.
        max_rotation: largest rotation by the landmarks, degrees.
        max_zoom: largest ratio between the landmarks' scale and the box's, either way.
        max_shift: largest distance between the two crops' centres, in crop sides.
        mean: of the network's input after division by 255, per channel.
        std: as `mean`.
        align: lay the landmarks on the template; if False, a published crop (FER2013, UTKFace) is
            taken as it is, and a face in a photograph by its box, upright.

    Raises:
        ValueError: a field is of another type or length, or out of its range in `RANGES`.
    """

    size: int = 48
    channels: int = 1
    template: tuple[Point, ...] = TEMPLATE
    box_scale: float = 1.04
    box_shift: float = 0.03
    max_rotation: float = 50.0
    max_zoom: float = 1.5
    max_shift: float = 0.25
    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.25,)
    align: bool = True

    def __post_init__(self) -> None:
        are_integers = type(self.size) is type(self.channels) is int
        if not are_integers or not 16 <= self.size <= 512 or self.channels not in (1, 3):
            raise ValueError(
                f"Expected whole `size` in 16..512 and `channels` 1 or 3, got {self.size!r:.80} "
                f"and {self.channels!r:.80}."
            )
        if type(self.align) is not bool:
            raise ValueError(f"Expected `align` to be true or false, got {self.align!r:.80}.")
        if len(self.template) != 5 or any(len(p) != 2 for p in self.template):
            raise ValueError(
                f"Expected `template` to be five points, got {str(self.template)[:200]}."
            )
        if len(self.mean) != self.channels or len(self.std) != self.channels:
            raise ValueError(
                f"Expected {self.channels} `mean` and `std` values, got {len(self.mean)} and "
                f"{len(self.std)}."
            )
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            points = value if name == "template" else (value,)
            for number in (v for p in points for v in (p if isinstance(p, tuple) else (p,))):
                if (
                    isinstance(number, bool)
                    or not isinstance(number, int | float)
                    or not low <= number <= high
                ):
                    raise ValueError(
                        f"Expected numbers from {low:g} to {high:g} as `{name}`, got "
                        f"{number!r:.80}."
                    )

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of a crop: (size, size, channels)."""
        return self.size, self.size, self.channels

    def wider(self, share: float) -> InputSpec:
        """Return a spec that draws faces at `share` of their size; more around them is seen."""
        template = tuple(
            (round(0.5 + share * (x - 0.5), 4), round(0.5 + share * (y - 0.5), 4))
            for x, y in self.template
        )
        return replace(self, template=template, box_scale=round(self.box_scale / share, 3))

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON.

        `align` is left out where it is the default, so that older cards, caches and their digests
        stay the same.
        """
        return {k: v for k, v in asdict(self).items() if k != "align" or not self.align}

    @classmethod
    def from_dict(cls, values: object) -> InputSpec:
        """Return the spec of a model's card.

        Raises:
            ModelError: an unknown or malformed field; the file is damaged or made by a newer
                version.
        """
        if not isinstance(values, Mapping):
            raise ModelError(f"Expected `input` to be an object, got {values!r:.80}.")
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise ModelError(
                f"Expected input fields of this version, got {str(sorted(unknown))[:200]}; try a "
                "newer Mien."
            )
        try:
            tuples = {k: tuple(values[k]) for k in ("mean", "std", "template") if k in values}
            if "template" in tuples:
                tuples["template"] = tuple(map(tuple, tuples["template"]))
            return cls(**{**values, **tuples})
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"Expected a valid input spec in the model's card, got: {error}"
            ) from error
