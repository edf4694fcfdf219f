"""A repair plan: one row per sample and action, made of findings, checked against the data.

The actions are drop, move, relabel and keep. `plan_file` writes and reads plans as CSV.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from core.errors import DataError
from core.labels import AGE_MAX, FERPLUS8, GENDER2
from evaluation.quality.check import ACTIONS
from evaluation.quality.dataset import SPLITS, AuditDataset

MAX_SHOWN_ERRORS = 10
"""Errors that one message names."""


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One thing to do to a sample.

    Attributes:
        sample_id: of the sample.
        action: one of ACTIONS.
        value: of a move the target split; of a relabel `emotion=LABEL`, `gender=LABEL` or
            `age=YEARS`; else "".
        reason: in words, for people.
        split: where the sample stands now, or "".
        fingerprint: of the data that the plan was made for, or "".
        number: of the row in the file it was read from, 1 being the header; 0 without a file.
    """

    sample_id: str
    action: str
    value: str = ""
    reason: str = ""
    split: str = ""
    fingerprint: str = ""
    number: int = field(default=0, compare=False)

    @property
    def task(self) -> str:
        """What a relabel changes: emotion, gender or age; else ""."""
        return self.value.partition("=")[0] if self.action == "relabel" else ""

    def excludes(self, other: PlanRow) -> bool:
        """Return whether two actions cannot both be done to one sample.

        Of two different actions only a move and a relabel can.
        """
        actions = {self.action, other.action}
        return len(actions) == 2 and actions != {"move", "relabel"}

    def repeats(self, other: PlanRow) -> bool:
        """Return whether two rows do the same thing to a sample, if with other values."""
        return (self.action, self.task) == (other.action, other.task)


def rows_from_findings(
    tables: Mapping[str, pa.Table], fingerprint: str, ids: Collection[str] | None = None
) -> list[PlanRow]:
    """Return the issues that checks found as rows of a plan, sorted by sample.

    There is one row per sample and thing to do. Of actions that exclude each other the strongest
    stays (drop, then move, then relabel, then keep), and of two values of one task that with the
    lower score. The reasons of all findings that agree are joined.

    Args:
        tables: check -> rows of SCHEMA.
        fingerprint: of the data.
        ids: samples that a plan can name; by default all. A malformed file name or a whole split
            is no sample, so there is nothing to keep or drop.
    """
    findings = [
        (ACTIONS.index(finding["action"]), finding["score"], check, finding["value"], finding)
        for check, table in tables.items()
        for finding in table.filter(table["is_issue"]).to_pylist()
    ]
    findings.sort(key=lambda entry: entry[:4])
    rows_of_sample: dict[str, list[PlanRow]] = {}
    valid_ids = None if ids is None else set(ids)
    for *_, finding in findings:
        sample_id = finding["sample_id"]
        if sample_id is not None and (valid_ids is None or sample_id in valid_ids):
            row = PlanRow(
                sample_id,
                finding["action"],
                finding["value"],
                finding["reason"] or "",
                finding["split"] or "",
                fingerprint,
            )
            rows_of_sample.setdefault(sample_id, []).append(row)
    return [row for sample in sorted(rows_of_sample) for row in _combine(rows_of_sample[sample])]


def _combine(ranked: Sequence[PlanRow]) -> list[PlanRow]:
    """Return the rows that remain of one sample's, the strongest first, with reasons joined."""
    kept: list[PlanRow] = []
    for row in ranked:
        if not any(other.excludes(row) or other.repeats(row) for other in kept):
            kept.append(row)
    combined = []
    for row in kept:
        agreeing = [r for r in ranked if (r.action, r.value) == (row.action, row.value)]
        reasons = dict.fromkeys(r.reason for r in agreeing if r.reason)
        combined.append(replace(row, reason="; ".join(reasons)))
    return combined


def check_rows(
    rows: Sequence[PlanRow], dataset: AuditDataset, name: str = "the plan"
) -> list[PlanRow]:
    """Return the rows with canonical values, sorted by sample and action.

    Args:
        rows: as they were read.
        dataset: that they are about.
        name: of the plan, in error messages.

    Raises:
        DataError: the plan was made for other data, or rows are wrong or contradict each other;
            names up to MAX_SHOWN_ERRORS of them.
    """
    other = {r.fingerprint for r in rows if r.fingerprint} - {dataset.fingerprint}
    if other:
        raise DataError(
            f"Expected a plan for this data (fingerprint {dataset.fingerprint[:12]}...), "
            f"got {name} for {min(other)[:12]}...; it was made for other or since changed data: "
            "audit again."
        )
    split_of_sample = dict(zip(dataset.samples.ids, dataset.split.tolist(), strict=True))
    errors: list[str] = []
    valid_rows: list[PlanRow] = []
    for row in rows:
        try:
            valid_rows.append(_canonical(row, split_of_sample))
        except DataError as error:
            errors.append(f"row {row.number}: {error}")
    errors += _contradictions(valid_rows)
    if errors:
        n_hidden = len(errors) - MAX_SHOWN_ERRORS
        raise DataError(
            f"Expected a plan without faults, got {len(errors)} in {name}:\n"
            + "\n".join(errors[:MAX_SHOWN_ERRORS])
            + (f"\n... and {n_hidden} more" if n_hidden > 0 else "")
        )
    return sorted(valid_rows, key=lambda r: (r.sample_id, r.action, r.value))


def _contradictions(rows: Sequence[PlanRow]) -> list[str]:
    """Return a message for each row that repeats or excludes an earlier one of its sample."""
    errors: list[str] = []
    rows_of_sample: dict[str, list[PlanRow]] = {}
    for row in rows:
        for earlier in rows_of_sample.setdefault(row.sample_id, []):
            fault = ""
            if earlier.repeats(row):
                same = earlier.value == row.value
                fault = f"{'says the same as' if same else 'contradicts'} row {earlier.number}"
            elif earlier.excludes(row):
                fault = f"{row.action} contradicts {earlier.action} in row {earlier.number}"
            if fault:
                errors.append(
                    f"row {row.number}: {fault} about {row.sample_id!r}; delete one of them"
                )
        rows_of_sample[row.sample_id].append(row)
    return errors


def _canonical(row: PlanRow, split_of_sample: Mapping[str, str]) -> PlanRow:
    """Return the row with a canonical value; DataError, without the row's number, where wrong."""
    if row.sample_id not in split_of_sample:
        raise DataError(f"expected a sample of the data, got {row.sample_id!r}")
    if row.action not in ACTIONS:
        raise DataError(f"expected an action of {', '.join(ACTIONS)}, got {row.action!r}")
    split = split_of_sample[row.sample_id]
    if row.split and row.split != split:
        raise DataError(f"expected the sample's split, {split}, got {row.split!r}")
    return replace(row, value=_canonical_value(row, split), split=split)


def _canonical_value(row: PlanRow, split: str) -> str:
    value = row.value
    if row.action == "move":
        if value not in SPLITS:
            raise DataError(f"expected a split of {', '.join(SPLITS)} to move to, got {value!r}")
        if value == split:
            raise DataError(f"expected another split to move to, got {value!r}, where it is")
        return value
    if row.action == "relabel":
        return _canonical_label(value)
    if value:
        raise DataError(f"expected no value with {row.action}, got {value!r}")
    return value


def _canonical_label(value: str) -> str:
    task, sign, label = (part.strip() for part in value.partition("="))
    if not sign or task not in ("emotion", "gender", "age"):
        raise DataError(f"expected emotion=LABEL, gender=LABEL or age=YEARS, got {value!r}")
    if task != "age":
        space = FERPLUS8 if task == "emotion" else GENDER2
        return f"{task}={space.labels[space.index(label)]}"
    try:
        years = float(label.replace(",", "."))
    except ValueError:
        years = -1.0
    if not 0 <= years <= AGE_MAX:
        raise DataError(f"expected 0 to {AGE_MAX} years, got {label!r}")
    return f"age={years:g}"
