"""What reviewers decide about findings: lines of JSON in a file beside the findings.

There is one line for each decision, and lines are only ever added: nothing is lost by a crash, a
reload or a second reviewer. The last decision about a finding counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.schema import parse_json

ACCEPTED, DROPPED, REJECTED = "accepted", "dropped", "rejected"
UNDECIDED = ""
STATES = (ACCEPTED, DROPPED, REJECTED, UNDECIDED)
"""Do what is suggested; drop the sample whatever is suggested; do nothing; take a decision back."""


@dataclass(eq=False)
class Decisions:
    """The decisions about a file of findings.

    Attributes:
        path: of the file of decisions.
        unsaved: why the file cannot be written; then decisions are kept in memory only.
    """

    path: Path
    unsaved: str = ""
    _by_key: dict[str, str] = field(default_factory=dict)
    _stamp: tuple[int, int] = (0, 0)

    @classmethod
    def beside(cls, findings: Path) -> Decisions:
        """Return the decisions about the file `findings`, in F.decisions.jsonl."""
        return cls(findings.with_name(findings.stem + ".decisions.jsonl"))

    def current(self) -> dict[str, str]:
        """Return the decision about each finding by its key, other reviewers' too."""
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._stamp and not self.unsaved:
                text = self.path.read_text(encoding="utf-8", errors="replace")
                self._by_key, self._stamp = _replay(text.splitlines()), stamp
        except FileNotFoundError:
            if not self.unsaved:
                self._by_key, self._stamp = {}, (0, 0)
        except OSError as error:
            self.unsaved = str(error)
        return dict(self._by_key)

    def record(self, keys: Sequence[str], state: str) -> None:
        """Record the same decision about several findings.

        Args:
            keys: of the findings.
            state: one of STATES.

        Raises:
            ValueError: there is no such state.
        """
        if state not in STATES:
            raise ValueError(f"Expected `state` to be one of {STATES}, got {state!r}.")
        self.current()
        lines = [
            json.dumps({"finding": json.loads(k), "decision": state}, ensure_ascii=False)
            for k in keys
        ]
        try:
            self._append(lines)
        except OSError as error:
            self.unsaved = str(error)
        self._by_key.update(_replay(lines))
        if state == UNDECIDED:
            for key in keys:
                self._by_key.pop(key, None)

    def _append(self, lines: Sequence[str]) -> None:
        text = "".join(line + "\n" for line in lines)
        with self.path.open("ab+") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(end - 1, 0))
            if file.read(1) not in (b"", b"\n"):  # the last line was cut short
                text = "\n" + text
            file.write(text.encode("utf-8", "backslashreplace"))
            file.flush()
            os.fsync(file.fileno())


def _replay(lines: Iterable[str]) -> dict[str, str]:
    """Return the last decision about each finding; a line that was cut short is left out."""
    decisions: dict[str, str] = {}
    for line in lines:
        try:
            entry = parse_json(line)
            key = json.dumps(entry["finding"], ensure_ascii=False, separators=(",", ":"))
            state = entry["decision"]
        except (ValueError, KeyError, TypeError):
            continue
        decisions.pop(key, None)
        if state in STATES and state != UNDECIDED:
            decisions[key] = state
    return decisions
