"""Fit the number of epochs into a time budget."""

from __future__ import annotations

from core import progress

OVERRUN = 1.05
"""A further epoch may end at most this factor over the budget."""


def plan_again(epoch: int, wanted: int, seconds: float, budget_s: float | None) -> int:
    """Return how many epochs to train in all where a run goes on with another plan or budget.

    Args:
        epoch: epochs finished, from 1.
        wanted: epochs of the recipe.
        seconds: what the finished epochs took.
        budget_s: seconds that all may take; None for no limit.
    """
    if budget_s is None:
        return wanted
    return min(wanted, _affordable(epoch, seconds, budget_s))


def _affordable(epoch: int, seconds: float, budget_s: float) -> int:
    return max(epoch, int(budget_s / (seconds / epoch)))


def plan_epochs(epoch: int, planned: int, seconds: float, budget_s: float | None) -> int:
    """Return how many epochs to train in all, now that `epoch` of them are finished.

    The first epoch shows what one costs: the plan is shortened to fit, and the schedule with it.
    Later epochs only end the training in time.

    Args:
        epoch: epochs finished, from 1.
        planned: epochs planned so far.
        seconds: what the finished epochs took.
        budget_s: seconds that all may take; None for no limit.
    """
    if budget_s is None:
        return planned
    seconds_per_epoch = seconds / epoch
    affordable = _affordable(epoch, seconds, budget_s)
    if epoch == 1 and affordable < planned:
        progress.say(
            f"{seconds_per_epoch:.0f} s an epoch: the budget allows {affordable} of "
            f"{planned} epochs"
        )
        return affordable
    return epoch if seconds + seconds_per_epoch > budget_s * OVERRUN else planned
