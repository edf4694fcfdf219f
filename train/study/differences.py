"""How far a study's members differ from its baseline, which each of them changes in one choice."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from train.study.definition import Study
from train.study.verdict import Compare


@dataclass(frozen=True, slots=True)
class BaselineDifference:
    """A member's figure less the baseline's, both with the same seed, on the same samples.

    Attributes:
        member: its run folder's name.
        figure: as a run's history names it without `val_`.
        value: of the first seed; a share, or years.
        low, high: its 95 % interval, over the choice of samples.
        more_seeds: the same difference with each further seed that both were trained with.
    """

    member: str
    figure: str
    value: float
    low: float
    high: float
    more_seeds: tuple[float, ...]


def baseline_differences(
    study: Study, measured: Collection[str], paired: Compare
) -> list[BaselineDifference]:
    """Return the differences of all measured members from the baseline; none without one.

    Args:
        study: with its repeats, see `train.study.definition.with_seeds`.
        measured: run folders' names.
        paired: compares two members on the same samples.
    """
    seeds: dict[str, list[str]] = {}
    for member in study.members:
        seeds.setdefault(member.repeats or member.folder, []).append(member.folder)
    differences = []
    for name in seeds:
        pairs = zip(seeds[name], seeds.get(study.baseline, ()), strict=False)
        compared = [pair for pair in pairs if set(pair) <= set(measured)]
        if name == study.baseline or not compared:
            continue
        for figure in study.figures:
            values = [v for a, b in compared if (v := paired(a, b, figure)) is not None]
            if values:
                more_seeds = tuple(value for value, *_ in values[1:])
                differences.append(BaselineDifference(name, figure, *values[0], more_seeds))
    return differences
