"""A store's groups: gaps between their values and the search for slices, as
`evaluation.analysis.slices` has them, from sums alone.

One query sums the rows of every combination of the groups (a few hundred of a million rows, more
where persons are told apart); every group and every pair of groups then follows from these. Where
there are too many combinations, each pair is a query of its own.
"""

from __future__ import annotations

from math import prod

import numpy as np

from evaluation.analysis.age_errors import ERROR, at_group, right
from evaluation.analysis.slices import Cells, alone, find, gaps, together
from evaluation.analysis.summary import MANY_VALUES
from evaluation.analysis.summed import CHUNK, Summed, grouped, summed
from evaluation.statistics.estimate import Figures
from evaluation.store.filters import Where
from evaluation.store.resampled import UNITS, unit
from evaluation.store.store import Store

MOST = 2_000_000
"""Combinations that are held at once: about 60 MB."""


class Groups:
    """The outcome of `task` (right: 1 or 0; for age the absolute error in years) by the groups of a
    store; where should name one model.

    values: name -> values of each group with 2 to MANY_VALUES of them, sorted.
    """

    def __init__(self, store: Store, task: str, where: Where) -> None:
        self.store, self.task, self.where = store, task, where
        self.values = {name: v for name, v in store.groups.items() if 1 < len(v) <= MANY_VALUES}
        self.share = task != "age"
        self._outcome = right(task) if self.share else f"abs({ERROR})"
        self._made: dict[tuple[str, ...], Summed] = {}
        self.all = summed(store, where, "0", 1, self._outcome, share=self.share)
        if not self.share and self.total:
            self.all = summed(store, where, "0", 1, self._outcome, middle=float(self.all.values[0]))
        """Of all rows, as one cell."""
        people = 1 if self.all.parts is None else self.all.parts.units
        self._cube = (
            self._sums()
            if min(prod(len(v) + 1 for v in self.values.values()) * people, self.total) <= MOST
            else None
        )

    @property
    def total(self) -> int:
        """Rows with a truth and an answer."""
        return int(self.all.n[0])

    def _place(self, name: str) -> np.ndarray:
        """The store's code -> the place of its value in `values`, -1 for none; the last is for
        NULL.
        """
        texts = self.store._codes[self.store.group_columns[name]]
        at = {v: i for i, v in enumerate(self.values[name])}
        return np.array([*(at.get(text, -1) for text in texts), -1])

    def _sums(self) -> tuple[np.ndarray | None, dict[str, np.ndarray], list[np.ndarray]]:
        """Per combination that occurs: person or film, place of each group's value, [n, sums,
        squares].
        """
        clause, params = self.store.clause(self.where)
        own = {name: self.store.group_columns[name] for name in self.values}
        listed = "".join(f", coalesce(t.{c}::INT, -1) AS g{i}" for i, c in enumerate(own.values()))
        inner = f"SELECT {unit(self.store, UNITS)} AS unit{listed}, ({self._outcome})::DOUBLE AS v FROM t WHERE {clause}"
        v = f"v - {self.all.middle!r}"
        found = self.store.arrow(
            f"SELECT unit{''.join(f', g{i}' for i in range(len(own)))}, count(*) AS n, sum(v) AS sums, sum(({v}) * ({v})) AS squares "
            f"FROM ({inner}) WHERE v IS NOT NULL GROUP BY ALL",
            params,
        )
        places = {
            name: self._place(name)[found[f"g{i}"].to_numpy()].astype(np.int16)
            for i, name in enumerate(own)
        }
        names = None
        if self.store.cluster is not None:
            names = np.unique(found["unit"].to_numpy(), return_inverse=True)[1].astype(np.int32)
        return (
            names,
            places,
            [found[c].to_numpy().astype(np.float64) for c in ("n", "sums", "squares")],
        )

    def by(self, *names: str) -> Summed:
        """The outcome per value of one group, or per pair of values of two: the second's run
        fastest.
        """
        if names not in self._made:
            self._made[names] = self._by(names)
        return self._made[names]

    def _by(self, names: tuple[str, ...]) -> Summed:
        size = prod(len(self.values[n]) for n in names)
        if self._cube is None:
            cell, params = self._cell(names)
            return summed(
                self.store,
                self.where,
                cell,
                size,
                self._outcome,
                params,
                share=self.share,
                middle=self.all.middle,
            )
        people, places, weights = self._cube
        at, unknown = np.zeros(len(weights[0]), np.int64), np.zeros(len(weights[0]), bool)
        for name in names:
            at = at * len(self.values[name]) + places[name]
            unknown |= places[name] < 0
        return grouped(
            people, np.where(unknown, -1, at), size, weights, self.all.middle, self.share
        )

    def _cell(self, names: tuple[str, ...]) -> tuple[str, list[int]]:
        """SQL for the index of a row's values and its parameters."""
        parts = [at_group(self.store, name) for name in names]
        cell = (
            parts[0][0]
            if len(parts) == 1
            else f"{parts[0][0]} * {len(self.values[names[1]])} + {parts[1][0]}"
        )
        return cell, [v for _, params in parts for v in params]

    def fairness(self, support: int) -> list[Figures]:
        """As `evaluation.analysis.slices.fairness`: per group with two values of `support` rows
        {group, best, worst, gap, ratio, values}.
        """
        made = []
        for name, values in self.values.items():
            seen = self.by(name)
            if (seen.n >= support).sum() > 1:
                above, below = seen.drawn(np.arange(len(values)))
                one = gaps(
                    self.task, values, seen.n.astype(np.int64), seen.sums, above, below, support
                )
                each = dict(zip(values, seen.figures(), strict=True))
                made.append(
                    {
                        "group": name,
                        **one,
                        "values": [{**v, "figure": each[v["value"]]} for v in one["values"]],
                    }
                )
        return made

    def search(self, support: int, fdr: float) -> Figures:
        """As `evaluation.analysis.slices.search`: {looked_at, slices} of the losses (1 for a wrong
        class, years of absolute error).
        """
        return find(self.values, self._cells, self.total, support=support, fdr=fdr)

    def _cells(self, names: tuple[str, ...]) -> Cells:
        seen, sign = self.by(*names), -1 if self.share else 1
        if seen.parts is None:
            losses = [s.n - s.sums if self.share else s.sums for s in (seen, self.all)]
            moved = [sign * (s.sums - s.n * s.middle) for s in (seen, self.all)]
            whole = (
                self.total,
                float(losses[1][0]),
                float(moved[1][0]),
                float(self.all.squares[0]),
            )
            return alone(seen.n, losses[0], moved[0], seen.squares, whole)
        everything = self._whole()
        made = []
        for start in range(0, len(seen.n), CHUNK):
            n, sums = seen.by_unit(np.arange(start, min(start + CHUNK, len(seen.n))))
            made.append(together(n, n - sums if self.share else sums, *everything))
        return Cells(
            *(
                np.concatenate([getattr(c, f) for c in made])
                for f in ("n", "mean", "difference", "error", "freedom")
            )
        )

    def _whole(self) -> tuple[np.ndarray, np.ndarray]:
        n, sums = self.all.by_unit(np.zeros(1, np.int64))
        return n, n - sums if self.share else sums
