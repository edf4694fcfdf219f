"""Paired differences between members of a study: both predict the same samples.

Their intervals are narrower than those of two figures side by side.
"""

from __future__ import annotations

import pyarrow as pa

from core import progress, system
from core.errors import UserError
from core.faces import best_detector
from core.predictor import Predictor
from evaluation.analysis.table_pairs import compare
from train.batches.data import load_parts
from train.export.card_figures import predictions
from train.study.plan import StudyPlan
from train.study.verdict import Difference


class PairedDifferences:
    """Compares members of a study; each member's validation samples are predicted once."""

    def __init__(self, plan: StudyPlan) -> None:
        self.plan = plan
        self._tables: dict[str, pa.Table] = {}

    def __call__(self, first: str, second: str, figure: str) -> Difference | None:
        """Return the first member's minus the second's figure; None where the data are not here."""
        task, _, kind = figure.partition("_")
        try:
            compared = compare(self._table(second), self._table(first), limit=0).tasks[task]
            difference = compared.differences[kind].difference
        except KeyError:
            return None
        except UserError as error:
            progress.say(f"no paired comparison of {first} and {second}: {error}")
            return None
        value, low, high = difference.value, difference.low, difference.high
        return None if value is None or low is None or high is None else (value, low, high)

    def _table(self, name: str) -> pa.Table:
        """Return the predictions of a member's bundle for its validation samples."""
        if name not in self._tables:
            member = next(m for m in self.plan.study.members if m.folder == name)
            parts = load_parts(
                self.plan.recipe(member),
                dict(self.plan.folders or {}),
                "val",
                best_detector()[0],
                self.plan.limit,
            )
            predictor = Predictor(
                self.plan.out / name / "bundle",
                threads=system.usable_processors(),
                is_trusted=self.plan.is_trusted,  # --out may hold somebody else's runs
            )
            with progress.task(f"predict {name}"):
                table = pa.concat_tables(
                    [predictions(predictor, part) for part in parts], promote_options="default"
                )
            self._tables[name] = table.set_column(
                table.column_names.index("model"), "model", pa.array([name] * len(table))
            )
        return self._tables[name]
