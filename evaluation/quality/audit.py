"""The audit: runs checks on a data set and collects their results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow.compute as pc

from core import registry
from core.errors import UserError
from evaluation.quality.check import Check, Findings, load_checks, run_check
from evaluation.quality.dataset import CHECKS, AuditDataset, Option

MAX_WORST_ISSUES = 50
"""Issues of each check that the dictionary of a report holds."""


@dataclass(frozen=True, slots=True)
class Issue:
    """A row of a check's findings, with the columns of `check.SCHEMA`."""

    sample_id: str | None
    split: str | None
    score: float
    is_issue: bool
    group: str | None
    reason: str
    action: str
    value: str


@dataclass(frozen=True, slots=True, eq=False)
class CheckResult:
    """What one check found, under its name and title."""

    name: str
    title: str
    findings: Findings

    @property
    def issue_count(self) -> int:
        """Number of rows that somebody should look at."""
        return len(self.findings.issues)

    @property
    def sample_count(self) -> int:
        """Number of different samples that have an issue."""
        count: int = pc.count_distinct(self.findings.issues["sample_id"]).as_py()
        return count

    @property
    def plain_figures(self) -> dict[str, object]:
        """The check's own results without tables of numbers."""
        items = self.findings.figures.items()
        return {name: value for name, value in items if not isinstance(value, dict | list)}

    def worst_issues(self, limit: int) -> list[Issue]:
        """Return the first rows that are issues, the worst first."""
        rows = self.findings.issues.slice(0, limit).to_pylist()
        return [Issue(**row) for row in rows]

    def to_dict(self) -> dict[str, object]:
        """Return the JSON form."""
        return {
            "title": self.title,
            "issues": self.issue_count,
            "samples": self.sample_count,
            "figures": dict(self.findings.figures),
            "worst": [asdict(issue) for issue in self.worst_issues(MAX_WORST_ISSUES)],
        }


@dataclass(frozen=True, slots=True, eq=False)
class AuditReport:
    """What the checks found in a data set.

    Attributes:
        dataset: its name.
        root: its folder.
        fingerprint: see `dataset.data_fingerprint`.
        sample_count: number of samples in all splits.
        split_sizes: number of samples by split.
        left_out_count: files that the data set leaves out.
        missing_splits: splits that could not be loaded, and why.
        not_run: names of the checks that were not run.
        checks: results, in the order in which the checks were run.
    """

    dataset: str
    root: Path
    fingerprint: str
    sample_count: int
    split_sizes: dict[str, int]
    left_out_count: int
    missing_splits: dict[str, str]
    not_run: tuple[str, ...]
    checks: tuple[CheckResult, ...]

    def to_dict(self) -> dict[str, object]:
        """Return the JSON form, which `audit --json` prints."""
        return {
            "dataset": self.dataset,
            "root": str(self.root),
            "fingerprint": self.fingerprint,
            "samples": self.sample_count,
            "splits": self.split_sizes,
            "left_out": self.left_out_count,
            "missing_splits": self.missing_splits,
            "not_run": list(self.not_run),
            "checks": {check.name: check.to_dict() for check in self.checks},
        }


def run_audit(dataset: AuditDataset, names: Sequence[str] = ()) -> AuditReport:
    """Run checks and return what they found.

    Args:
        dataset: to look at.
        names: of the checks; those that run by default where none is named.
    """
    checks = load_checks(names)
    return AuditReport(
        dataset=dataset.samples.name,
        root=dataset.samples.root,
        fingerprint=dataset.fingerprint,
        sample_count=len(dataset),
        split_sizes={s: int((dataset.split == s).sum()) for s in dataset.splits},
        left_out_count=len(dataset.problems),
        missing_splits=dict(dataset.missing),
        not_run=tuple(name for name in registry.names(CHECKS) if name not in checks),
        checks=tuple(
            CheckResult(name, check.title, run_check(check, dataset))
            for name, check in checks.items()
        ),
    )


def all_checks() -> dict[str, Check]:
    """Return all checks by name, sorted."""
    return load_checks(registry.names(CHECKS))


def select_checks(text: str | None) -> list[str]:
    """Return the names of the checks that `--checks` asks for.

    Args:
        text: `a,b`; `+a` for the default checks and a; `all`; None for the default checks.

    Raises:
        UserError: a name is unknown, or there is none.
    """
    if not text:
        return list(load_checks())
    if text == "all":
        return registry.names(CHECKS)
    names = [n.strip() for n in text.removeprefix("+").split(",") if n.strip()]
    if not names:
        raise UserError(f"Expected names of checks, got {text!r}; try --list.")
    load_checks(names)
    return list(dict.fromkeys([*load_checks(), *names] if text.startswith("+") else names))


def parse_options(pairs: Iterable[str]) -> dict[str, dict[str, Option]]:
    """Return check -> option -> value, of the type of its default.

    Args:
        pairs: `CHECK.OPTION=VALUE` each.

    Raises:
        UserError: no such check or option, or a value of another type.
    """
    options: dict[str, dict[str, Option]] = {}
    for pair in pairs:
        left, sign, text = pair.partition("=")
        check, _, name = left.partition(".")
        if not sign or not name:
            raise UserError(f"Expected --set CHECK.OPTION=VALUE, got {pair!r}; try --list.")
        defaults = load_checks([check])[check].options
        if name not in defaults:
            raise UserError(
                f"Expected an option of {check} ({', '.join(defaults) or 'it has none'}), "
                f"got {name!r}; try --list."
            )
        try:
            options.setdefault(check, {})[name] = _like(defaults[name], text)
        except (ValueError, KeyError):
            raise UserError(
                f"Expected {left} to be like {defaults[name]!r}, got {text!r}."
            ) from None
    return options


def _like(default: Option, text: str) -> Option:
    """Return `text` as a value of the type of `default`."""
    if isinstance(default, bool):
        return {"true": True, "false": False}[text.lower()]
    return type(default)(text)
