"""Leaderboards: numpy and DuckDB agree; scikit-learn, statsmodels and brute force say the same."""

from __future__ import annotations

import json
import tempfile
from itertools import chain, combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import sklearn.metrics as oracle
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as numpy_arrays
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from core.errors import DataError
from evaluation.__main__ import main
from evaluation.analysis import store_pairs, table_pairs
from evaluation.analysis.leaderboard import from_store, from_tables, indistinct
from evaluation.analysis.leaderboard.ranking import Leaderboard
from evaluation.predictions import Meta, table
from evaluation.statistics.estimate import to_json_values
from evaluation.statistics.significance import FEW_PAIRS
from evaluation.store import Store, Where
from tests.evaluation.store.test_agreement import TASK, few, opened, random_table


def leaves(value: object, place: str = "") -> dict[str, object]:
    """A report's numbers and texts by their place."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for key, one in items for k, v in leaves(one, f"{place}/{key}").items()}
    return {place: value}


@few
@given(
    models=st.integers(2, 5),
    classes=st.sampled_from([1, 2, 5, 30]),
    n=st.integers(30, 120),
    seed=st.integers(0, 999),
    missing=st.sampled_from([0.0, 0.2]),
    has_people=st.booleans(),
)
def test_random_models_are_ranked_alike_by_numpy_and_sql_and_as_references_say(
    models: int, classes: int, n: int, seed: int, missing: float, has_people: bool
) -> None:
    names = [f"m{i}" for i in range(models)]
    tables = {name: random_table(classes, n, seed, missing, name) for name in names}
    if has_people:
        people = pa.array([f"p{i // 4}" for i in range(n)])
        tables = {m: part.append_column("group_subject", people) for m, part in tables.items()}
    baseline = names[seed % models]
    boards = from_tables.leaderboards(tables, baseline).tasks
    store = opened(pa.concat_tables(tables.values()))
    for task, board in boards.items():
        other = from_store.leaderboard(store, task, names, baseline, Where())
        assert other is not None
        mine, theirs = leaves(to_json_values(board)), leaves(to_json_values(other))
        assert mine == pytest.approx(theirs, abs=1e-9)
    if not has_people:  # over people no reference of ours tests
        check(boards[TASK], tables)


@few
@given(
    orders=st.lists(st.permutations([f"class {i}" for i in range(5)]), min_size=3, max_size=3),
    files=st.permutations(range(3)),
    seed=st.integers(0, 999),
)
def test_the_order_of_files_and_of_their_labels_changes_no_figure(
    orders: list[list[str]], files: list[int], seed: int
) -> None:
    names = ["a", "b", "c"]
    tables = {name: random_table(5, 60, seed, 0.1, name) for name in names}
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}.parquet" for name in names]
        for path, part, labels in zip(paths, tables.values(), orders, strict=True):
            table.write(part, path, Meta(labels={TASK: tuple(labels)}))
        store = Store.open([paths[i] for i in files])
        read = {name: table.read(path) for name, path in zip(names, paths, strict=True)}
    alike = from_tables.leaderboards(tables, "b").tasks[TASK]
    for board in (
        from_tables.leaderboards(read, "b").tasks[TASK],
        from_store.leaderboard(store, TASK, names, "b", Where()),
    ):
        assert leaves(to_json_values(board)) == pytest.approx(
            leaves(to_json_values(alike)), abs=1e-12
        )
    pair = table_pairs.compare(read["a"], read["b"]).tasks[TASK]
    other = store_pairs.compare(store, TASK, "a", "b", Where())
    assert pair.differences == other.differences


def check(board: Leaderboard, tables: dict[str, pa.Table]) -> None:
    """Compare with references, which are told the samples that all models have."""
    rows = [part.to_pandas().set_index("sample_id") for part in tables.values()]
    complete = [part.dropna(subset=[f"{TASK}_true", f"{TASK}_pred"]) for part in rows]
    shared = sorted(set.intersection(*(set(part.index) for part in complete)))
    true = complete[0].loc[shared, f"{TASK}_true"]
    pred = {
        name: part.loc[shared, f"{TASK}_pred"] for name, part in zip(tables, complete, strict=True)
    }
    is_right = {name: (pred[name] == true).to_numpy() for name in pred}
    assert board.n == len(shared)
    for one, part in zip(board.standings, [tables[s.model] for s in board.standings], strict=True):
        assert one.accuracy.value == pytest.approx(oracle.accuracy_score(true, pred[one.model]))
        wanted = oracle.f1_score(
            true, pred[one.model], labels=sorted(set(true)), average="macro", zero_division=0
        )
        assert one.macro_f1.value == pytest.approx(wanted)
        has_both = part.to_pandas()[[f"{TASK}_true", f"{TASK}_pred"]].notna().all(axis=1).sum()
        assert one.left_out == has_both - len(shared)
    accuracies = [one.accuracy.value for one in board.standings]
    assert accuracies == sorted(accuracies, reverse=True)

    def p_of(a: str, b: str) -> float:
        only_a = int((is_right[a] & ~is_right[b]).sum())
        only_b = int((is_right[b] & ~is_right[a]).sum())
        if only_a + only_b == 0:
            return 1.0
        exact = only_a + only_b < FEW_PAIRS
        return float(mcnemar([[0, only_a], [only_b, 0]], exact=exact).pvalue)

    p_values = [pair.p for pair in board.pairs]
    assert p_values == pytest.approx([p_of(pair.a, pair.b) for pair in board.pairs])
    adjusted = [pair.p_adjusted for pair in board.pairs]
    assert adjusted == pytest.approx(multipletests(p_values, method="holm")[1])
    others = [one for one in board.standings if one.difference]
    p = [p_of(board.baseline, one.model) for one in others]
    assert [one.difference.p_adjusted for one in others] == pytest.approx(
        multipletests(p, method="holm")[1]
    )
    for one in others:
        gained = is_right[one.model].astype(int) - is_right[board.baseline]
        assert one.difference.wins == (gained > 0).sum()
        assert one.difference.losses == (gained < 0).sum()
        assert one.difference.accuracy.value == pytest.approx(gained.mean())
        assert one.difference.verdict in (None, "better" if gained.mean() > 0 else "worse")
    for i, one in enumerate(board.standings):
        beaten_by = sum(pair.differs and pair.b == one.model for pair in board.pairs)
        beats = sum(pair.differs and pair.a == one.model for pair in board.pairs)
        assert one.ranks == (1 + beaten_by, len(tables) - beats)
        assert one.ranks[0] <= i + 1 <= one.ranks[1]


@given(st.integers(1, 6).flatmap(lambda n: numpy_arrays(bool, (n, n))))
def test_groups_are_all_largest_ones_in_which_no_two_differ(drawn: np.ndarray) -> None:
    n, differs = len(drawn), np.triu(drawn, 1)
    differs = differs | differs.T
    subsets = chain.from_iterable(combinations(range(n), size) for size in range(1, n + 1))
    alike = [set(part) for part in subsets if not differs[np.ix_(part, part)].any()]
    largest = sorted(tuple(sorted(one)) for one in alike if not any(one < two for two in alike))
    assert indistinct.groups(differs) == largest


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder, paths = tmp_path_factory.mktemp("tables"), []
    for name in ("first", "second", "third"):
        paths.append(folder / f"{name}.parquet")
        table.write(random_table(4, 200, 3, 0.1, name), paths[-1])
    table.write(pa.concat_tables([table.read(path) for path in paths]), folder / "all.parquet")
    return [*paths, folder / "all.parquet"]


def test_the_command_ranks_any_number_of_models(
    files: list[Path], capsys: pytest.CaptureFixture
) -> None:
    *three, all_models = map(str, files)
    assert main(["compare", *three, "--baseline", "second"]) == 0
    printed = capsys.readouterr().out
    assert "baseline second" in printed and "rank (95 %)" in printed
    answers = []
    for tables in (three, [all_models], [all_models, three[0]]):
        arguments = ["--baseline", "second"] if len(tables) < 3 else ["--baseline=second"]
        assert main(["compare", *tables, *arguments, "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0][TASK] == answers[1][TASK]
    assert {one["model"] for one in answers[2][TASK]["standings"]} == {
        "first",
        "second",
        "third",
        "first (first)",
    }


@pytest.mark.parametrize(
    ("tables", "options", "says"),
    [
        ((0,), (), "at least two models"),
        ((3,), ("--baseline", "fourth"), "--baseline to be one of first, second, third"),
        ((0, 1, 2), ("--model-a", "first"), "--model-a with two tables"),
    ],
)
def test_the_command_says_what_it_needs(
    files: list[Path],
    tables: tuple[int, ...],
    options: tuple[str, ...],
    says: str,
    capsys: pytest.CaptureFixture,
) -> None:
    assert main(["compare", *(str(files[i]) for i in tables), *options]) == 2
    assert says in capsys.readouterr().err


def test_models_without_a_common_sample_are_named() -> None:
    tables = {name: random_table(3, 40, 1, 0.0, name) for name in "abc"}
    ids = pa.array([f"t{i}" for i in range(40)])
    tables["c"] = tables["c"].set_column(0, "sample_id", ids)
    with pytest.raises(DataError, match="where 'c' is compared, too: its first is 't0'"):
        from_tables.leaderboards(tables, "a")
    store = opened(pa.concat_tables(tables.values()))
    assert from_store.leaderboard(store, TASK, ["a", "b", "c"], "a", Where()) is None
