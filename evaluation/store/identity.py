"""Which rows of a store are of the same sample, and which models are the same."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from core.errors import DataError
from evaluation.predictions.schema import some
from evaluation.store.loaded import LoadedTables, ShowProgress

DUPLICATE_CHECK_ROWS = 2_000_000
"""Rows among which duplicates are looked for at a time, but in MAX_BUCKETS times at most."""
MAX_BUCKETS = 10
"""Each time all rows are read."""


def name_datasets(loaded: LoadedTables) -> None:
    """Name the data set of rows that name none, by other rows with the same `sample_id`.

    Only where these name exactly one; `notes` count the rows of both kinds.
    """
    con, texts = loaded.con, loaded.codes["dataset"]
    if "" not in texts or len(texts) == 1:
        return
    unnamed = texts.index("")
    con.execute(
        "CREATE TEMP TABLE named AS SELECT hash(sample_id) AS sample, min(dataset) AS first, "
        "max(dataset) AS last FROM t "
        "WHERE dataset <> $1 AND hash(sample_id) IN (SELECT hash(sample_id) FROM t WHERE dataset = "
        "$1) GROUP BY sample",
        [unnamed],
    )
    match = "t.dataset = ? AND hash(t.sample_id) = named.sample AND named.first"
    ambiguous_rows = _scalar(
        con, f"SELECT count(*) FROM t, named WHERE {match} <> named.last", [unnamed]
    )
    update = (
        "UPDATE t SET dataset = named.first, key = hash(t.sample_id, named.first) "
        f"FROM named WHERE {match} = named.last"
    )
    named_rows = _scalar(con, update, [unnamed])
    con.execute("DROP TABLE named")
    if named_rows:
        loaded.notes.append(
            f"{named_rows:,} rows name no data set: they are assigned to the one that other rows "
            f"with their `sample_id` name."
        )
    if ambiguous_rows:
        loaded.notes.append(
            f"{ambiguous_rows:,} rows name no data set, and their `sample_id` is in several: they "
            f"are paired with no row that names one, and may count twice; fill the column "
            f"`dataset`."
        )


def check_duplicates(loaded: LoadedTables, show: ShowProgress) -> None:
    """Refuse tables without rows, or with a sample twice in one file for one model.

    Raises:
        DataError: names the sample and both rows.
    """
    con = loaded.con
    rows = _scalar(con, "SELECT count(*) FROM t")
    if not rows:
        raise DataError(
            f"Expected predictions in {some([str(s.path) for s in loaded.sources])}, got no row; "
            f"make the table again."
        )
    # Buckets of samples are checked one after another, so that ten million rows need no gigabyte
    # more; numbers group faster than texts.
    buckets = min(rows // DUPLICATE_CHECK_ROWS + 1, MAX_BUCKETS)
    # A parameter is signed: without the casts each remainder is taken of 128 bits, in 13 times the
    # time.
    query = (
        "SELECT count(*) FROM (SELECT DISTINCT file, model, hash(sample_id) AS h FROM t "
        "WHERE hash(sample_id) % ?::UBIGINT = ?::UBIGINT)"
    )
    different = 0
    with show("look for duplicates", buckets) as advance:
        for i in range(buckets):
            different += _scalar(con, query, [buckets, i])
            advance(i + 1)
    if different < rows:
        _refuse_duplicates(loaded)


def _refuse_duplicates(loaded: LoadedTables) -> None:
    """Raise for the first sample that is there twice; equal hashes of two samples pass."""
    con = loaded.con
    duplicate = con.execute(
        "SELECT file, model, sample_id FROM t GROUP BY ALL HAVING count(*) > 1 LIMIT 1"
    ).fetchone()
    if duplicate:
        file_index, _, sample_id = duplicate
        row_ids = con.execute(
            "SELECT rowid FROM t WHERE file = ? AND model = ? AND sample_id = ? ORDER BY 1 LIMIT 2",
            duplicate,
        ).fetchall()
        offset = sum(s.rows for s in loaded.sources[:file_index])
        row_numbers = [row_id - offset + 1 for (row_id,) in row_ids]
        raise DataError(
            f"Expected one row per `sample_id` and `model`, got {sample_id!r} in rows "
            f"{row_numbers}; drop one or name its model."
            + (f" (in {loaded.sources[file_index].path})" if len(loaded.sources) > 1 else "")
        )


def separate_models(loaded: LoadedTables) -> None:
    """Rename the model of a file that shares samples with an earlier file's model of that name."""
    con = loaded.con
    texts = loaded.codes["model"]
    shared_models = (
        "SELECT DISTINCT model FROM (SELECT model, key FROM t GROUP BY ALL "
        "HAVING count(DISTINCT file) > 1)"
    )
    for (model,) in con.execute(shared_models).fetchall():
        for (file_index,) in con.execute(
            "SELECT DISTINCT file FROM t WHERE model = ? ORDER BY 1", [model]
        ).fetchall()[1:]:
            new_name = f"{texts[model]} ({loaded.sources[file_index].path.stem})"
            new_name = new_name if new_name not in texts else f"{new_name} {file_index + 1}"
            texts.append(new_name)
            con.execute(
                "UPDATE t SET model = ? WHERE model = ? AND file = ?",
                [len(texts) - 1, model, file_index],
            )
            loaded.notes.append(
                f"Two tables name their model {texts[model]!r} and share samples; that of "
                f"{loaded.sources[file_index].path.name} is {new_name!r}."
            )


def _scalar(con: duckdb.DuckDBPyConnection, query: str, params: Sequence[int] = ()) -> int:
    row = con.execute(query, list(params)).fetchone()
    assert row is not None
    return int(row[0])
