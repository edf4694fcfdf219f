"""How far one member of a study leads another, on the same pictures: narrower intervals than two
figures side by side.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from core import progress, system
from core.errors import UserError
from core.faces import best_detector
from core.predictor import Predictor
from evaluation.analysis.comparison import compare
from train.batches.data import load_parts
from train.export.card_figures import predictions
from train.runs.status import Standing
from train.study.definition import Plan


class Lead:
    """Called with two members and a figure (`train.study.table.Paired`); predicts each member's
    validation pictures once.
    """

    def __init__(self, plan: Plan, standings: Mapping[str, Standing]) -> None:
        self.plan, self.standings = plan, standings
        self.tables: dict[str, pa.Table] = {}

    def __call__(self, a: str, b: str, figure: str) -> tuple[float, float, float] | None:
        """A's minus b's value and its 95 % interval; None where the data are not here."""
        task, _, kind = figure.partition("_")
        try:
            found = compare(self._table(b), self._table(a), limit=0)[task]
        except UserError as error:
            progress.say(f"no paired comparison of {a} and {b}: {error}")
            return None
        difference = found[kind]["difference"] if found else None
        return (
            None
            if difference is None or difference.low is None
            else (difference.value, difference.low, difference.high)
        )

    def _table(self, name: str) -> pa.Table:
        if name not in self.tables:
            member = next(m for m in self.plan.study.members if m.folder == name)
            folders = dict(self.plan.folders or {})
            parts = load_parts(
                self.plan.recipe(member), folders, "val", best_detector()[0], self.plan.limit
            )
            predictor = Predictor(self.plan.out / name / "bundle", threads=system.usable_processors())
            with progress.task(f"predict {name}"):
                whole = pa.concat_tables(
                    [predictions(predictor, p) for p in parts], promote_options="default"
                )
            self.tables[name] = whole.set_column(
                whole.column_names.index("model"), "model", pa.array([name] * len(whole))
            )
        return self.tables[name]
