"""The visitor's own table: what was recognised in it, corrections, and opening it.

It is checked as hostile until it conforms.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pyarrow as pa
import streamlit as st

from apps.studio import context, settings
from apps.studio.context import View
from apps.studio.serving import uploads
from core.errors import UserError
from evaluation.predictions.importing import Imported, ImportOptions
from evaluation.predictions.importing.formats import read_raw
from evaluation.predictions.importing.opening import open_table
from evaluation.predictions.importing.options import parse_labels
from evaluation.predictions.mapping import column_map
from evaluation.predictions.tasks import is_task_name
from evaluation.store import Store

TITLE = "Own table"
ICON = ":material/upload_file:"
ORDER = 95
NEEDS_PREDICTIONS = False
SUFFIXES = (
    *("parquet", "csv", "tsv", "txt", "json", "jsonl", "ndjson", "arrow", "feather"),
    *("xlsx", "xls", "xlsb", "ods", "gz", "zip"),
)
AS_RECOGNISED = "as recognised"
ROWS_SHOWN = 10
MAX_CHOICES = 200
"""Columns among which the drop-downs choose."""


def render(view: View) -> None:
    """Draw the page."""
    st.markdown(
        "A table with one row per picture and model: its label and its prediction, in columns of "
        "any usual names. Parquet, CSV, JSON Lines, Excel or Arrow, also in gzip or zip, at most "
        f"{settings.MAX_UPLOAD_MB} MB; open larger tables from the command line. An opened table "
        "is deleted after an hour; until then, whoever has the link can open it. The file is "
        "forgotten when you close the studio."
    )
    upload = st.file_uploader(
        "Predictions", type=list(SUFFIXES), max_upload_size=settings.MAX_UPLOAD_MB
    )
    if upload is None:
        return
    content = upload.getvalue()
    try:
        with st.expander("Correct what was recognised"):
            options = _corrections(_columns(upload.name, content))
        imported = recognised(upload.name, content, options)
    except UserError as error:
        st.error(context.as_markdown(str(error)), icon=":material/error:")
        return
    _show(imported)
    if st.button("Open", type="primary"):
        add(upload.name, content, options)
        st.rerun()


def _corrections(columns: list[str]) -> ImportOptions:
    """Draw the drop-downs and return what they say.

    Raises:
        UserError: the labels, or the other names, have another form.
    """
    left, right = st.columns(2)
    task = left.text_input("Task", "emotion", max_chars=60, help="such as emotion, mask or yaw")
    choices = [AS_RECOGNISED, *columns[:MAX_CHOICES]]
    picked = {
        "sample_id": right.selectbox("Name of the sample", choices),
        f"{task}_true": left.selectbox("Label", choices),
        f"{task}_pred": right.selectbox("Prediction", choices),
    }
    labels = left.text_input(
        "Names of the classes, in the order of their codes", placeholder="anger, fear, neutral"
    )
    regression = right.text_input("Tasks that predict numbers", placeholder="yaw")
    softmax = left.checkbox("The probability columns hold logits: apply a softmax")
    percent = right.checkbox("The probability columns are percentages: divide by 100")
    others = st.text_input(
        "Other names for columns", placeholder="group_camera=camera split=part", max_chars=500
    )
    names = {ours: theirs for ours, theirs in picked.items() if theirs != AS_RECOGNISED}
    if len(names) > ("sample_id" in names) and not is_task_name(task):
        raise UserError(
            f"Expected a task of small letters, digits and _, and no word of the reports, got "
            f"{task!r}; try emotion."
        )
    return ImportOptions(
        names | column_map(others.split()),
        parse_labels([labels]) if labels.strip() else {},
        tuple(regression.replace(",", " ").split()),
        softmax=softmax,
        percent=percent,
    )


@st.cache_data(max_entries=1, show_spinner=False, scope="session")
def _columns(name: str, content: bytes) -> list[str]:
    with _file(name, content) as path:
        return [column for column in read_raw(path).table.column_names if column]


@st.cache_resource(max_entries=1, show_spinner="Reading the table ...", scope="session")
def _recognised(name: str, content: bytes, _options: ImportOptions, key: str) -> Imported:
    with _file(name, content) as path:
        return open_table(path, _options)


def recognised(name: str, content: bytes, options: ImportOptions) -> Imported:
    """Return the conforming table of an upload, and what was taken for what.

    Raises:
        UserError: the table does not conform; the message names column, row and fix.
    """
    return _recognised(name, content, options, repr(options))


def _show(imported: Imported) -> None:
    for note in imported.notes:
        st.markdown(f"- {context.quoted(note)}")
    for warning in imported.warnings:
        st.warning(context.quoted(warning), icon=":material/warning:")
    st.caption(f"{len(imported.table):,} rows, the first {ROWS_SHOWN} as they are understood:")
    first = imported.table.slice(0, ROWS_SHOWN)
    lists = [f.name for f in first.schema if pa.types.is_nested(f.type)]
    st.dataframe(first.drop_columns(lists).to_pandas(), hide_index=True)


def add(name: str, content: bytes | memoryview, options: ImportOptions | str = "") -> None:
    """Open an uploaded table, which the next run selects; its copy on the disk is removed again.

    Args:
        name: the file's name, untrusted.
        content: of the file.
        options: what its columns cannot say; or names of columns of the predictions table and of
            this one, such as `age_true=age`, separated by spaces.

    Raises:
        UserError: `options` are no such names. What is wrong with the table, the next run shows.
    """
    if isinstance(options, str):
        options = ImportOptions(column_map(options.split()))
    opening = uploads.opening()
    with opening.lock:  # nothing of Streamlit in here: it may end this run
        try:
            with _file(name, content) as path:
                store = Store.open([path], options=options)
        except UserError as error:
            opening.error = str(error)
        else:
            opening.upload_id = uploads.keep(store, name)


@contextmanager
def _file(name: str, content: bytes | memoryview) -> Iterator[Path]:
    """Write an upload to a folder of its own, under a harmless name; errors state the user's."""
    base = PurePosixPath(name.replace("\\", "/")).name
    harmless = "".join(c if c.isalnum() or c in "-_. " else "_" for c in base)[-60:].strip(". ")
    with tempfile.TemporaryDirectory(prefix="mien-studio-") as folder:
        path = Path(folder) / (harmless or "table")
        path.write_bytes(content)
        try:
            yield path
        except UserError as error:
            raise UserError(str(error).replace(str(path), name)) from None
