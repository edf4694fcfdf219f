"""The import of a foreign table: read, recognise, convert, check, and say what was done."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from evaluation.predictions.importing.class_names import with_null_words
from evaluation.predictions.importing.column_names import GENERIC, ID_NAMES, INDEX_NAMES, slug
from evaluation.predictions.importing.formats import RawTable, read_raw
from evaluation.predictions.importing.numbers import is_whole, parse
from evaluation.predictions.importing.options import ANY_TASK, Imported, ImportOptions
from evaluation.predictions.importing.recognition import Recognition, recognise
from evaluation.predictions.importing.tasks import GENERIC_NUMBER, ImportedTask, import_task
from evaluation.predictions.mapping import check_contract_names, rename
from evaluation.predictions.meta import METADATA_KEY, Meta
from evaluation.predictions.schema import some, to_schema
from evaluation.predictions.tasks import KNOWN_TASKS, refuse_reserved, task_names

MAX_NAMES_SHOWN = 8
WEAK_ID_NAMES = ("path", "name", "key")
"""Columns that name samples only where no two rows have the same value."""


def import_predictions(path: str | Path, options: ImportOptions | None = None) -> Imported:
    """Read any table of predictions in the form of the contract.

    Args:
        path: Parquet, Arrow, CSV and its kin, JSON, Excel, or gzip or zip of one of these.
        options: what its columns cannot say.

    Raises:
        DataError: names the column, the row and the fix.
    """
    path, options = Path(path), options or ImportOptions()
    check_contract_names(options.names)
    raw = read_raw(path)
    table = rename(raw.table, options.names)
    if not len(table):
        raise DataError(
            f"Expected rows of predictions in {path}, got no row; write a row for each picture."
        )
    refuse_reserved(table.column_names)
    columns = recognise(table)
    sources = {name: options.names.get(name, name) for name in table.column_names}
    words = {ours: raw.words[theirs] for ours, theirs in sources.items() if theirs in raw.words}
    table, word_notes = with_null_words(table, words, columns.tasks, options)
    raw = replace(raw, notes=raw.notes + word_notes, is_plain=raw.is_plain and not word_notes)
    _choose_names(columns, table)
    _check_options(columns, options)
    tasks = [
        import_task(name, task, table, raw.delimiter, options)
        for name, task in columns.tasks.items()
        if task.is_complete
    ]
    used = [task for task in tasks if task.name]
    if not used:
        _refuse_no_task(path, table, columns, tasks)
    halves = _half_tasks(table, columns, {t.name for t in tasks})
    result, id_note = _assemble(path, table, columns, [*used, *halves])
    notes = _notes(path, raw, table, columns, options, [*tasks, *halves], id_note)
    warnings = [f"{path.name}: {w}" for task in tasks for w in task.warnings]
    return Imported(result, tuple(notes), tuple(warnings))


def _half_tasks(table: pa.Table, columns: Recognition, others: set[str]) -> list[ImportedTask]:
    """Return known tasks with a truth alone, or predictions alone, that fit the contract.

    They have no figures, but true ages and perceived genders are groups, and predictions are
    counted.
    """
    halves = []
    for name in (n for n in KNOWN_TASKS if n in columns.tasks and n not in others):
        task = columns.tasks[name]
        sources = {f"{name}_{end}": getattr(task, end) for end in ("true", "pred", "low", "high")}
        sources |= {f"{name}_p_{label}": column for label, column in task.p.items()}
        kept = ", ".join(f"`{c}`" for c in sources.values() if c)
        sources |= {c: c for c in columns.unused if c.startswith(f"{name}_")}
        half = {ours: table[theirs] for ours, theirs in sources.items() if theirs}
        if not half or task_names([*half]):
            continue
        rows = pa.array(range(len(table))).cast(pa.string())
        try:
            to_schema(pa.table({"sample_id": rows, **half}))
        except DataError:
            continue
        halves.append(
            ImportedTask(name, half, note=f"{kept}: kept; a task needs a truth and a prediction")
        )
    return halves


def _check_options(columns: Recognition, options: ImportOptions) -> None:
    tasks = {*columns.tasks, *([GENERIC_NUMBER] if GENERIC in columns.tasks else [])}
    given = [*options.regressions, *options.units, *(t for t in options.labels if t != ANY_TASK)]
    unknown = [task for task in given if task not in tasks]
    if unknown:
        close = difflib.get_close_matches(unknown[0], tasks, n=1)
        raise DataError(
            f"Expected --regression, --unit and --labels to name a task of the table "
            f"({', '.join(sorted(tasks)) or 'none'}), got {unknown[0]!r}"
            + (f"; try {close[0]!r}." if close else ".")
        )


def _refuse_no_task(
    path: Path, table: pa.Table, columns: Recognition, tasks: list[ImportedTask]
) -> None:
    if tasks:
        names = [t.true for t in columns.tasks.values() if t.is_complete]
        raise DataError(
            f"Expected labels in {some([repr(n) for n in names])}, got none in all {len(table):,} "
            f"rows of {path}; fill it, or name another column: --map emotion_true=COLUMN."
        )
    truths = [t for t in columns.tasks.values() if t.true]
    missing = "a prediction" if truths else "a truth and a prediction"
    example = "--map emotion_pred=COLUMN" if truths else "--map emotion_true=COLUMN"
    raise DataError(
        f"Expected columns with {missing}, such as `emotion_true` and `emotion_pred`, `y_true` and "
        f"`y_pred`, or `label` and `prob_<label>`; got {some(sorted(table.column_names))}; try "
        f"{example}."
    )


def _assemble(
    path: Path, table: pa.Table, columns: Recognition, tasks: list[ImportedTask]
) -> tuple[pa.Table, str]:
    """Return the columns in the form of the contract, and a note on the names of the samples."""
    fixed = dict(columns.fixed)
    names = [t.name for t in tasks]
    if len(set(names)) < len(names):
        raise DataError(
            f"Expected one truth and one prediction of each task, got several of {names[0]!r}; "
            "name the columns with --map."
        )
    ids, note = _sample_ids(table, fixed)
    result: dict[str, pa.Array | pa.ChunkedArray] = {"sample_id": ids}
    for ours, theirs in fixed.items():
        if ours != "sample_id":
            result[ours] = table[theirs]
    for name in ("dataset", "split", "model"):
        if name in result and not pa.types.is_string(result[name].type):
            result[name] = _as_text(name, table[fixed[name]])
    if "path" not in result and "sample_id" in fixed and _are_files(ids):
        result["path"] = ids
    if "face_found" in result and pa.types.is_string(result["face_found"].type):
        result["face_found"] = pc.utf8_lower(result["face_found"])
    sources = {c for t in columns.tasks.values() for c in (t.true, t.pred, t.low, t.high)}
    sources |= {c for t in columns.tasks.values() for c in (t.list_column, *t.p.values())}
    for task in tasks:
        result |= task.columns
    for name in table.column_names:
        if name not in result and name not in sources and name not in fixed.values() and name:
            is_text = name.startswith("group_") and not pa.types.is_string(table[name].type)
            result[name] = _as_text(name, table[name]) if is_text else table[name]
    order = [n for n in table.column_names if n in result]
    result = {name: result[name] for name in dict.fromkeys([*order, *result])}
    meta = Meta.of(table) if METADATA_KEY in (table.schema.metadata or {}) else Meta()
    labels = dict(meta.labels) | {t.name: t.labels for t in tasks if t.labels}
    units = dict(meta.units) | {t.name: t.unit for t in tasks if t.unit and t.name != "age"}
    meta = replace(meta, labels=labels, units=units)
    new = pa.table(result, metadata={METADATA_KEY: meta.to_json()})
    return to_schema(new, model=_stem(path)), note


def _stem(path: Path) -> str:
    """Return a file's name without `.csv`, `.csv.gz` and their like."""
    packed = path.suffix.lower() in (".gz", ".zip")
    return (Path(path.stem).stem if packed else path.stem) or path.name


def _as_text(name: str, column: pa.ChunkedArray) -> pa.Array:
    """Return the values of a column as texts.

    Raises:
        DataError: it has lists or objects.
    """
    if pa.types.is_nested(column.type):
        raise DataError(
            f"Expected one value a row in column `{name}`, got {column.type}; choose another one, "
            "or write texts."
        )
    flat = column.combine_chunks()
    if pa.types.is_boolean(flat.type):
        return pc.if_else(flat, "true", "false")
    if pa.types.is_floating(flat.type):
        parsed = parse(flat)
        if parsed is not None and is_whole(parsed.values):
            return parsed.values.cast(pa.int64()).cast(pa.string())
    return flat.cast(pa.string())


def _sample_ids(table: pa.Table, fixed: dict[str, str]) -> tuple[pa.Array, str]:
    """Return the names of the samples, row numbers where there are none, and a note."""
    column = fixed.get("sample_id")
    if column is not None and slug(column) not in INDEX_NAMES and not column.startswith("Unnamed"):
        ids = _as_text(column, table[column])
        if slug(column) not in WEAK_ID_NAMES or len(pc.unique(ids)) == len(ids):
            return ids, "" if column == "sample_id" else f"`{column}` names samples"
        del fixed["sample_id"]
        column = None
    if column is not None:
        index = _as_text(column, table[column])
        parsed = parse(index)
        if parsed is None and len(pc.unique(index)) == len(index):
            return index, "the first column names samples"
        del fixed["sample_id"]
    number = np.arange(1, len(table) + 1)
    if "model" in fixed:  # so that the rows of several models meet
        models = _as_text("model", table[fixed["model"]]).dictionary_encode().indices
        codes = pc.fill_null(models, -1).to_numpy(zero_copy_only=False)
        for code in np.unique(codes):
            rows = codes == code
            number[rows] = np.arange(1, int(rows.sum()) + 1)
    return pa.array(number).cast(pa.string()), "no column names samples: rows are numbered"


def _choose_names(columns: Recognition, table: pa.Table) -> None:
    """Choose what names samples, and their pictures, among columns that may do it by their names.

    The first column of which no model has a value twice names samples; where there is none, the
    first of all stays, for the error that names the rows.
    """
    fixed = columns.fixed
    first = fixed.get("sample_id", "sample_id")
    slugs = {name: slug(name) for name in (first, *columns.unused)}
    candidates = [n for word in ID_NAMES for n in slugs if slugs[n] == word]
    if first not in ("sample_id", *INDEX_NAMES):
        model = [fixed["model"]] if "model" in fixed else []
        chosen = next((n for n in candidates if _are_distinct(table.select([n, *model]))), first)
        fixed["sample_id"] = chosen
        columns.unused = [n for n in (*columns.unused, first) if n != chosen]
    if "path" not in fixed:
        pictures = [n for n in candidates if n in table.column_names and _are_files(table[n])]
        if pictures and fixed.get("sample_id") not in pictures:
            fixed["path"] = pictures[0]
            columns.unused = [n for n in columns.unused if n != pictures[0]]


def _are_distinct(table: pa.Table) -> bool:
    if any(pa.types.is_nested(kind) for kind in table.schema.types):
        return False
    return len(table.group_by(table.column_names).aggregate([])) == len(table)


def _are_files(names: pa.Array | pa.ChunkedArray) -> bool:
    if not pa.types.is_string(names.type) or names.null_count == len(names):
        return False
    pattern = r"\.(jpe?g|png|bmp|webp|tiff?|gif)$"
    return bool(pc.all(pc.match_substring_regex(names, pattern, ignore_case=True)).as_py())


def _notes(
    path: Path,
    raw: RawTable,
    table: pa.Table,
    columns: Recognition,
    options: ImportOptions,
    tasks: list[ImportedTask],
    id_note: str,
) -> list[str]:
    """Return what was taken for what; nothing for a table that is in the contract's form."""
    own = [
        (name, task.true, task.pred or f"{name}_pred") == (name, f"{name}_true", f"{name}_pred")
        and all(c.startswith(f"{name}_p_") for c in task.p.values())
        and not task.list_column
        for name, task in columns.tasks.items()
        if task.is_complete
    ]
    kept = [t.name for t in tasks]
    lost = [c for n, t in columns.tasks.items() if t.is_complete for c in t.overruled]
    lost += [
        c for n, t in columns.tasks.items() if not t.is_complete and n not in kept for c in t.names
    ]
    is_own = all(own) and not (id_note or lost) and raw.is_plain and options.only_names
    if is_own and all(t.name in ("", *KNOWN_TASKS) for t in tasks):
        return []
    lines = [
        f"{path.name}: {raw.form}, {len(table):,} row{'s' * (len(table) != 1)}",
        *raw.notes,
        *([id_note] if id_note else []),
    ]
    named = [f"`{v}` is {k}" for k, v in columns.fixed.items() if k not in (v, "sample_id")]
    lines += named
    for task in tasks:
        lines += [task.note, *task.more_notes]
    unused = [c for c in (*columns.unused, *lost) if c not in columns.fixed.values()]
    if unused:
        more = " ..." if len(unused) > MAX_NAMES_SHOWN else ""
        listed = ", ".join(f"`{c}`" for c in unused[:MAX_NAMES_SHOWN])
        lines.append(f"not used: {listed}{more}; --map group_NAME=COLUMN makes a group of one")
    return lines
