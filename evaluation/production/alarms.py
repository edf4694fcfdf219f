"""When somebody should look: a share of the newest period is surely above its limit.

*Surely* means that the whole 95 % interval is, and that it is of MIN_FACES faces at least: a few
faces always differ, and one that alarms often is soon switched off. With several figures and
periods, one alarm in forty periods or so is still chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.production.drift import drift
from evaluation.production.periods import Period
from evaluation.production.validation import ValidationCounts, all_labels
from evaluation.statistics.estimate import Estimate

MIN_FACES = 100
MARGIN = 0.10
"""How far above its reference a share alarms: ten points."""
DRIFT, UNCERTAIN, ABSTAINED, SAD_NEUTRAL = "drift", "uncertain", "abstained", "sad_neutral"
"""Names of the figures."""
VALIDATION, EARLIER = "in validation", "before"


@dataclass(frozen=True, slots=True)
class AlarmFigure:
    """One figure of a period and its limit.

    Attributes:
        value: of the period; without a value where no face counts.
        limit: above it the figure alarms; None where there is nothing to compare it with.
        reference: what the limit is a margin above; 0 for a distance.
        against: what the reference is, in words.
    """

    value: Estimate
    limit: float | None
    reference: float | None
    against: str

    @property
    def is_raised(self) -> bool:
        """Whether the whole interval lies above the limit."""
        low = self.value.low
        is_above = self.limit is not None and low is not None and low > self.limit
        return is_above and self.value.n >= MIN_FACES


def figures(
    periods: Sequence[Period],
    task: str,
    validation: ValidationCounts | None,
    margin: float = MARGIN,
) -> list[dict[str, AlarmFigure]]:
    """Return the figures of each period by name: DRIFT, UNCERTAIN, ABSTAINED, SAD_NEUTRAL.

    Args:
        periods: the earliest first.
        task: whose predictions; SAD_NEUTRAL is a figure of emotion alone.
        validation: of the same task; None where the open table has none.
        margin: above its reference from which a figure alarms, in [0, 1].
    """
    results = []
    abstained = faces = 0
    for period in periods:
        before = abstained / faces if faces >= MIN_FACES else None
        uncertain = validation.uncertain.value if validation and validation.uncertain else None
        checks = {
            DRIFT: _drift(period, task, validation, margin),
            UNCERTAIN: _above(period.uncertain_share(task), uncertain, margin, VALIDATION),
            ABSTAINED: _above(period.abstained_share, before, margin, EARLIER),
        }
        if task == "emotion" and period.sad_neutral is not None:
            pair = validation.sad_neutral.value if validation and validation.sad_neutral else None
            checks[SAD_NEUTRAL] = _above(period.sad_neutral_share, pair, margin, VALIDATION)
        results.append(checks)
        abstained += min(sum(period.abstained.values()), period.faces)
        faces += period.faces
    return results


def _above(value: Estimate, reference: float | None, margin: float, against: str) -> AlarmFigure:
    limit = None if reference is None else reference + margin
    return AlarmFigure(value, limit, reference, against)


def _drift(
    period: Period, task: str, validation: ValidationCounts | None, margin: float
) -> AlarmFigure:
    moved = None
    if validation is not None:
        labels = all_labels(validation, [period], task)
        moved = drift(validation.counts(labels), period.classes(task, labels))
    if moved is None:
        return AlarmFigure(Estimate(None, None, None, 0), None, None, VALIDATION)
    return AlarmFigure(moved.distance, margin, 0.0, VALIDATION)
