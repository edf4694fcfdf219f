"""Samples that any number of tables have in common, and the leaderboard of each task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from core.vocabulary import TaskTitle
from evaluation.analysis.leaderboard.ranking import Leaderboard, SharedSamples, leaderboard
from evaluation.analysis.table_pairs import TruthsDifferError, joint_labels, text, values
from evaluation.predictions import arrays
from evaluation.predictions.tasks import tasks_of
from evaluation.statistics.sample import Sample


@dataclass(frozen=True, slots=True)
class Leaderboards:
    """The leaderboard of each task that at least two models have, and what the tasks are called."""

    tasks: dict[str, Leaderboard]
    titles: dict[str, TaskTitle]

    def to_dict(self) -> dict[str, object]:
        """Return the leaderboards by task, for JSON."""
        return dict(self.tasks)


def leaderboards(tables: Mapping[str, pa.Table], baseline: str) -> Leaderboards:
    """Rank the models of one-model tables on every task.

    Args:
        tables: by the name of the model.
        baseline: the model to beat; on a task that it lacks, the first that has it.

    Raises:
        DataError: no task of two models, or no sample that all of a task's models have.
    """
    tasks_of_model = {model: arrays.all_tasks(table) for model, table in tables.items()}
    titles = {
        name: task.title for table in tables.values() for name, task in tasks_of(table).items()
    }
    boards = {}
    for task in titles:
        sides = {model: tasks[task] for model, tasks in tasks_of_model.items() if task in tasks}
        if len(sides) > 1:
            shared = _shared(task, {model: tables[model] for model in sides}, sides)
            boards[task] = leaderboard(shared, baseline if baseline in sides else next(iter(sides)))
    if not boards:
        raise DataError(
            "Expected a task with truth and predictions in at least two tables, got none; look at "
            "`python -m evaluation report` of each."
        )
    return Leaderboards(boards, titles)


def _shared(
    task: str,
    tables: Mapping[str, pa.Table],
    sides: Mapping[str, arrays.Numbers | arrays.Classes],
) -> SharedSamples:
    """Return the samples of a task that all tables have, in the order of the first."""
    labels = joint_labels(task, list(sides.values()))
    ids = {model: tables[model]["sample_id"].take(side.rows) for model, side in sides.items()}
    common = _common(task, ids)
    n = len(common)
    true, predictions, same, firsts = np.empty(0), {}, np.ones(n, bool), []
    for i, (model, side) in enumerate(sides.items()):
        at = pc.index_in(common, ids[model]).to_numpy().astype(np.int64)
        truth, predictions[model] = values(side, labels, at)
        true = truth if i == 0 else true
        same &= truth == true
        firsts.append(text(truth[0], labels))
    if not same.any():
        other = next(truth for truth in firsts if truth != firsts[0])
        raise TruthsDifferError(task, n, common[0].as_py(), firsts[0], other)
    return SharedSamples(
        labels,
        true[same],
        {model: pred[same] for model, pred in predictions.items()},
        _sample(tables, common.filter(pa.array(same))),
        int((~same).sum()),
        {model: len(side.rows) - n for model, side in sides.items()},
    )


def _common(task: str, ids: Mapping[str, pa.ChunkedArray]) -> pa.ChunkedArray:
    """Return the samples that all models have.

    Raises:
        DataError: there are none.
    """
    (first, common), *others = ids.items()
    for model, other in others:
        in_both = common.filter(pc.is_in(common, value_set=other.combine_chunks()))
        if len(in_both) == 0:
            raise DataError(
                f"Expected samples that all models have, got none for {task} where {model!r} is "
                f"compared, too: its first is {other[0].as_py()!r}, that of {first!r} "
                f"{common[0].as_py()!r}; predict one split, or leave it out."
            )
        common = in_both
    return common


def _sample(tables: Mapping[str, pa.Table], ids: pa.ChunkedArray) -> Sample:
    """Return the samples `ids` with the clusters that the first table with any names."""
    for table in tables.values():
        cluster = arrays.clusters(table)
        if cluster is not None:
            at = pc.index_in(ids, table["sample_id"]).to_numpy()
            return Sample(len(ids), cluster[at], arrays.cluster_name(table))
    return Sample(len(ids))
