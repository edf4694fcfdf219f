"""Tables in Markdown, for model cards and the pages of studies and ensembles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Return a table; bars and line ends inside a cell are escaped.

    >>> print(table(["a", "b"], [["1", "2|3"]]))
    | a | b |
    |---|---|
    | 1 | 2\|3 |
    """
    escaped = ([c.replace("|", "\\|").replace("\n", " ") for c in row] for row in rows)
    lines = [f"| {' | '.join(row)} |" for row in (columns, *escaped)]
    lines.insert(1, "|" + "---|" * len(columns))
    return "\n".join(lines)
