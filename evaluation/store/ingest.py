"""Opens prediction tables of any size.

Checked and integer-coded part by part into one DuckDB table in memory, so that 10 M rows fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.errors import DataError
from core.labels import FERPLUS8, GENDER2, age_decade
from evaluation.metrics import regression
from evaluation.predictions import arrays, table
from evaluation.predictions.schema import (
    GROUP,
    P_COLUMNS,
    P_EMOTION,
    P_GENDER,
    TASKS,
    TYPES,
    RowError,
    conform,
    some,
    tasks,
)
from evaluation.predictions.table import Meta
from evaluation.store import files

MAX_TEXT = 1000
"""Characters of a name, a path or a group."""
MAX_EMBEDDINGS = 200_000
"""Rows up to which embeddings are kept: 200 MB at 256 numbers."""
SHARE = 2_000_000
SPACES = {"emotion": FERPLUS8.labels, "gender": GENDER2.labels}
FLOATS = ("age_true", "age_pred", "age_low", "age_high")
CODED = ("model", "dataset", "split")


@dataclass(frozen=True, slots=True)
class Source:
    """One table that was opened."""

    path: Path
    rows: int
    meta: Meta
    models: tuple[str, ...]
    tasks: tuple[str, ...]


@dataclass
class Built:
    """What `build` made: table `t` in `con`, and the texts behind its codes."""

    con: duckdb.DuckDBPyConnection
    codes: dict[str, list[str]]
    columns: tuple[str, ...]
    sources: list[Source] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Codes:
    """Texts as numbers in order of appearance; the same for all parts."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._at: dict[str, int] = {}

    def __call__(self, texts: pa.Array) -> pa.Array:
        """uint32 codes of strings (N,), null where null."""
        encoded = texts.dictionary_encode()
        known = [self._code(text) for text in encoded.dictionary.to_pylist()]
        return pc.take(pa.array(known, pa.uint32()), encoded.indices)

    def _code(self, text: str) -> int:
        if text not in self._at:
            self._at[text] = len(self.texts)
            self.texts.append(text)
        return self._at[text]


def build(paths: Sequence[Path], names: Mapping[str, str]) -> Built:
    """See `Store.open`."""
    schemas = [files.header(path, names) for path in paths]
    every = {n for header in schemas for n in header}
    rows = sum(pq.read_metadata(p).num_rows for p in paths if not files.is_csv(p))
    files.enough(rows, str(paths[0]) if len(paths) == 1 else f"{len(paths)} tables")
    embedding = "embedding" in every and rows <= MAX_EMBEDDINGS
    groups = sorted(n for n in every if n.startswith(GROUP))
    kinds = _columns(every, groups, embedding)
    con = duckdb.connect(":memory:")
    con.execute(
        "SET temp_directory = ''; SET enable_external_access = false; SET lock_configuration = true"
    )  # no file is read or written
    con.execute(f"CREATE TABLE t ({', '.join(f'{name} {kind}' for name, kind in kinds.items())})")
    codes = {name: Codes() for name in (*CODED, *groups)}
    made = Built(con, {}, tuple(kinds))
    if "embedding" in every and not embedding:
        made.notes.append(
            f"Embeddings are left out beyond {MAX_EMBEDDINGS:,} rows: no nearest neighbours."
        )
    for number, path in enumerate(paths):
        made.sources.append(_insert(made, codes, number, path, names, groups))
    made.codes = {name: c.texts for name, c in codes.items()}
    made.codes["age_decade"] = [age_decade(regression.WIDTH * i) for i in range(regression.BANDS)]
    _name_datasets(made)
    _check_twice(made)
    pa.default_memory_pool().release_unused()
    return made


def _columns(every: set[str], groups: list[str], embedding: bool) -> dict[str, str]:
    """Return DuckDB's columns.

    UTINYINT codes for classes, FLOAT for numbers, UINTEGER codes for texts that repeat.
    """
    kinds = {
        "file": "UTINYINT",
        "key": "UBIGINT",
        "sample_id": "VARCHAR",
        **dict.fromkeys(CODED, "UINTEGER"),
    }
    kinds |= {"path": "VARCHAR"} if "path" in every else {}
    for task in ("emotion", "gender"):
        true, preds = TASKS[task]
        if {true, *preds} & every:
            kinds |= {true: "UTINYINT", f"{task}_pred": "UTINYINT"} | (
                {f"{task}_conf": "FLOAT"} if set(preds[1:]) & every else {}
            )
    kinds |= dict.fromkeys((n for n in P_COLUMNS if n in every), "FLOAT")
    kinds |= {P_GENDER: "FLOAT"} if P_GENDER in every else {}
    kinds |= dict.fromkeys((n for n in FLOATS if n in every), "FLOAT")
    kinds |= {"age_decade": "UTINYINT"} if "age_true" in every else {}
    kinds |= {"face_found": "BOOLEAN"} if "face_found" in every else {}
    kinds |= {"emotion_votes": "FLOAT[]"} if "emotion_votes" in every else {}
    kinds |= {"embedding": "FLOAT[]"} if embedding else {}
    return kinds | dict.fromkeys(groups, "UINTEGER")


def _insert(
    made: Built,
    codes: dict[str, Codes],
    number: int,
    path: Path,
    names: Mapping[str, str],
    groups: list[str],
) -> Source:
    """Checks and adds one file."""
    theirs = {names.get(ours, ours) for ours in (*TYPES, *P_COLUMNS, *names)} - (
        {"embedding"} - set(made.columns)
    )
    rows, models, found = 0, set[str](), set[str]()
    meta = (
        Meta()
        if files.is_csv(path)
        else Meta.of(pa.schema([], metadata=pq.read_schema(path).metadata).empty_table())
    )
    wanted = theirs | {n for n in files.raw(path) if n.startswith((GROUP, P_EMOTION))}
    for part in files.parts(path, wanted):
        try:
            part = conform(table.rename(part, names), model=path.stem)
            _check_texts(part, groups)
        except RowError as error:
            raise error.moved(rows) from None
        columns = _encode(part, codes, groups, number)
        columns = {n: c for n, c in columns.items() if n in made.columns}
        made.con.register("part", pa.table(columns))
        listed = ", ".join(columns)
        made.con.execute(
            f"INSERT INTO t ({listed}, key) SELECT {listed}, hash(sample_id, dataset) FROM part"
        )
        made.con.unregister("part")
        rows, models, found = (
            rows + len(part),
            models | set(part["model"].unique().to_pylist()),
            found | set(tasks(part)),
        )
        files.enough(rows, str(path))
    return Source(path, rows, meta, tuple(sorted(models)), tuple(t for t in TASKS if t in found))


def _check_texts(part: pa.Table, groups: list[str]) -> None:
    for name in ("sample_id", "path", *CODED, *groups):
        if name in part.column_names:
            long = pc.greater(pc.utf8_length(part[name]), MAX_TEXT)
            if (row := int(pc.index(pc.fill_null(long, False), True).as_py())) >= 0:
                raise RowError(
                    f"column `{name}`", f"at most {MAX_TEXT} characters", "more", row, "shorten it."
                )


def _encode(
    part: pa.Table, codes: dict[str, Codes], groups: list[str], number: int
) -> dict[str, pa.Array | pa.ChunkedArray]:
    n = len(part)
    empty = pa.nulls(n, pa.string())
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "file": pa.array(np.full(n, number, np.uint8)),
        "sample_id": part["sample_id"],
    }
    for name in (*CODED, *groups):
        texts = part[name].combine_chunks() if name in part.column_names else empty
        texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
        columns[name] = codes[name](pc.fill_null(texts, "") if name in CODED else texts)
    for name in ("path", *FLOATS, "face_found", "emotion_votes", "embedding"):
        if name in part.column_names:
            columns[name] = part[name]
    for task, space in SPACES.items():
        columns |= _classes(part, task, space)
    if "age_true" in part.column_names:
        true = part["age_true"].to_numpy()
        columns["age_decade"] = _codes(
            np.where(np.isnan(true), -1, regression.bands(np.nan_to_num(true)))
        )
    return columns


def _classes(part: pa.Table, task: str, space: tuple[str, ...]) -> dict[str, pa.Array]:
    """Return codes into `space` of truth and prediction, its probability, and all probabilities.

    The prediction is the column where filled, else the most probable class.
    """
    true, pred = (arrays.codes(part, f"{task}_{which}", space) for which in ("true", "pred"))
    p = arrays.probabilities(part, task, space)
    made: dict[str, pa.Array] = {} if true is None else {f"{task}_true": _codes(true)}
    if p is not None:
        best = np.where(np.isnan(p[:, 0]), -1, np.nan_to_num(p).argmax(axis=1))
        pred = best if pred is None else np.where(pred >= 0, pred, best)
        made[f"{task}_conf"] = _floats(p.max(axis=1))
        if task == "gender":
            made[P_GENDER] = _floats(p[:, 0])
        else:
            made |= {P_EMOTION + label: _floats(p[:, i]) for i, label in enumerate(space)}
    return made if pred is None else made | {f"{task}_pred": _codes(pred)}


def _codes(values: np.ndarray) -> pa.Array:
    return pa.array(np.maximum(values, 0).astype(np.uint8), mask=values < 0)


def _floats(values: np.ndarray) -> pa.Array:
    return pa.array(values.astype(np.float32), from_pandas=True)


def _name_datasets(made: Built) -> None:
    """Name the data set of rows that name none, by other rows with the same `sample_id`.

    Only where these name exactly one; `notes` say so.
    """
    con, texts = made.con, made.codes["dataset"]
    if "" not in texts or len(texts) == 1:
        return
    unnamed = texts.index("")
    con.execute(
        "CREATE TEMP TABLE named AS SELECT hash(sample_id) AS sample, min(dataset) AS one, "
        "max(dataset) AS other FROM t "
        "WHERE dataset <> $1 AND hash(sample_id) IN (SELECT hash(sample_id) FROM t WHERE dataset = "
        "$1) GROUP BY sample",
        [unnamed],
    )
    of = "t.dataset = ? AND hash(t.sample_id) = named.sample AND named.one"
    many = _one(con, f"SELECT count(*) FROM t, named WHERE {of} <> named.other", [unnamed])
    text = (
        "UPDATE t SET dataset = named.one, key = hash(t.sample_id, named.one) "
        f"FROM named WHERE {of} = named.other"
    )
    same = _one(con, text, [unnamed])
    con.execute("DROP TABLE named")
    if same:
        made.notes.append(
            f"{same:,} rows name no data set: they count as of the one that other rows with their "
            f"`sample_id` name."
        )
    if many:
        made.notes.append(
            f"{many:,} rows name no data set, and their `sample_id` is in several: they are paired "
            f"with no row that names one, "
            "and may count twice; fill the column `dataset`."
        )


def _check_twice(made: Built) -> None:
    """No sample twice: not in one file for one model, nor in two files.

    Two files of one model's name become two models.

    Raises:
        DataError: names the sample and both rows.
    """
    con = made.con
    rows = _one(con, "SELECT count(*) FROM t")
    if not rows:
        raise DataError(
            f"Expected predictions in {some([str(s.path) for s in made.sources])}, got no row; "
            f"make the table again."
        )
    shares = (
        rows // SHARE + 1
        # One after the other, so that ten million rows need no gigabyte more; numbers group faster
        # than texts.
    )
    text = (
        "SELECT count(*) FROM (SELECT DISTINCT file, model, hash(sample_id) AS h FROM t "
        "WHERE hash(sample_id) % ? = ?)"
    )
    if sum(_one(con, text, [shares, i]) for i in range(shares)) < rows:
        _refuse_twice(made)
    if len(made.sources) > 1:
        _part_models(made)


def _refuse_twice(made: Built) -> None:
    con = made.con
    again = con.execute(
        "SELECT file, model, sample_id FROM t GROUP BY ALL HAVING count(*) > 1 LIMIT 1"
    ).fetchone()
    if again:
        at = con.execute(
            "SELECT rowid FROM t WHERE file = ? AND model = ? AND sample_id = ? ORDER BY 1 LIMIT 2",
            again,
        ).fetchall()
        before = sum(s.rows for s in made.sources[: again[0]])
        numbers = [a - before + 1 for (a,) in at]
        raise DataError(
            f"Expected one row per `sample_id` and `model`, got {again[2]!r} in rows {numbers}; "
            f"drop one or name its model."
            + (f" (in {made.sources[again[0]].path})" if len(made.sources) > 1 else "")
        )


def _part_models(made: Built) -> None:
    """Two files that name one model and share samples become two models."""
    con = made.con
    texts = made.codes["model"]
    shared = (
        "SELECT DISTINCT model FROM (SELECT model, key FROM t GROUP BY ALL "
        "HAVING count(DISTINCT file) > 1)"
    )
    for (model,) in con.execute(shared).fetchall():
        for (number,) in con.execute(
            "SELECT DISTINCT file FROM t WHERE model = ? ORDER BY 1", [model]
        ).fetchall()[1:]:
            new = f"{texts[model]} ({made.sources[number].path.stem})"
            new = new if new not in texts else f"{new} {number + 1}"
            texts.append(new)
            con.execute(
                "UPDATE t SET model = ? WHERE model = ? AND file = ?",
                [len(texts) - 1, model, number],
            )
            made.notes.append(
                f"Two tables name their model {texts[model]!r} and share samples; that of "
                f"{made.sources[number].path.name} is {new!r}."
            )


def _one(con: duckdb.DuckDBPyConnection, sql: str, params: Sequence[int] = ()) -> int:
    row = con.execute(sql, list(params)).fetchone()
    assert row is not None
    return int(row[0])
