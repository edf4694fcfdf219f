"""A leaderboard of any number of models, as tables on a terminal."""

from __future__ import annotations

from rich.console import Console

from core.vocabulary import METRICS, TaskTitle, count_of
from evaluation.analysis.leaderboard.from_tables import Leaderboards
from evaluation.analysis.leaderboard.ranking import Leaderboard, Standing
from evaluation.report.formatting import number, p_value, print_table


def show(report: Leaderboards, out: Console) -> None:
    """Print the leaderboard of each task."""
    for task, board in report.tasks.items():
        _show_task(report.titles[task], board, out)


def _show_task(task: TaskTitle, board: Leaderboard, out: Console) -> None:
    out.print(
        f"{task.title}: {count_of(board.n, 'sample')} that all {len(board.standings)} models have; "
        f"baseline {board.baseline}"
    )
    out.print(f"differences with 95 % intervals: {board.method.text}")
    if board.truth_differs:
        out.print(
            f"{count_of(board.truth_differs, 'sample')} left out, whose truths differ between"
            " tables"
        )
    left_out = [f"{one.left_out} of {one.model}" for one in board.standings if one.left_out]
    if left_out:
        out.print(f"not compared, for another model lacks them: {', '.join(left_out)}")
    names = ["accuracy", "macro_f1"] if board.is_share else ["mae"]
    metrics = [METRICS[name].title for name in names]
    columns = ["model", "rank (95 %)", *metrics]
    columns += [f"{metric} - baseline" for metric in metrics[:1]]
    columns += ["wins", "losses", "p (Holm)", "verdict"]
    rows = [_row(one, names, is_share=board.is_share) for one in board.standings]
    print_table(out, f"{task.title}: leaderboard", columns, rows)
    out.print(
        f"p of each model against the baseline, corrected over {len(rows) - 1} models; ranks and "
        f"the groups below: over all {len(board.pairs)} pairs (Holm)"
    )
    for group in board.groups:
        if len(group) > 1:
            out.print(f"no difference is shown within: {', '.join(group)}")


def _row(one: Standing, names: list[str], *, is_share: bool) -> list[str]:
    ranks = "-".join(str(rank) for rank in dict.fromkeys(one.ranks))
    cells = [one.model, ranks]
    cells += [number(getattr(one, name), percent=is_share) for name in names]
    difference = one.difference
    if difference is None:
        return [*cells, "baseline", "", "", "", ""]
    return [
        *cells,
        number(difference.main, percent=is_share, sign=True),
        str(difference.wins),
        str(difference.losses),
        p_value(difference.p_adjusted),
        difference.verdict or "-",
    ]
