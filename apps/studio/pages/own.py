"""The visitor's own table, checked as hostile until it conforms."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from apps.studio import context, settings, uploads
from apps.studio.context import View
from core.errors import UserError
from evaluation.predictions.table import column_map
from evaluation.store import Store

TITLE = "Own table"
ICON = ":material/upload_file:"
ORDER = 95


def render(view: View) -> None:
    """Draw the page."""
    st.markdown(
        "One row per sample and model: `sample_id`, a label (`emotion_true`, `gender_true`, "
        "`age_true`) and a prediction (`emotion_pred` or `emotion_p_<label>`, `gender_pred` or "
        f"`gender_p_female`, `age_pred`). Parquet or CSV, at most {settings.MAX_UPLOAD_MB} MB; "
        "open larger tables from the command line. It is deleted after an "
        "hour; until then, whoever has the link can open it."
    )
    with st.form("own", clear_on_submit=True):
        upload = st.file_uploader(
            "Predictions", type=["parquet", "csv"], max_upload_size=settings.MAX_UPLOAD_MB
        )
        names = st.text_input(
            "Other names for columns",
            placeholder="emotion_true=label emotion_pred=pred",
            max_chars=500,
        )
        submitted = st.form_submit_button("Open", type="primary")
    if submitted and upload is None:
        st.info("Choose a file first.")
    elif submitted and upload is not None:
        try:
            add(upload.name, upload.getbuffer(), names)
        except UserError as error:
            st.error(context.plain(str(error)), icon=":material/error:")
        else:
            st.rerun()


def add(name: str, content: bytes | memoryview, names: str = "") -> None:
    """Open an uploaded table and select it; its copy on the disk is removed again.

    Args:
        name: the file's name, untrusted.
        content: of the file.
        names: columns of the predictions table and of this one, such as `age_true=age`, separated
            by spaces.

    Raises:
        UserError: the table does not conform; the message names column, row and fix.
    """
    suffix = ".csv" if name.lower().endswith(".csv") else ".parquet"
    stem = (
        "".join(c if c.isalnum() or c in "-_. " else "_" for c in Path(name).stem)[:60] or "table"
    )
    with tempfile.TemporaryDirectory(prefix="mien-studio-") as folder:
        path = Path(folder) / (stem + suffix)
        path.write_bytes(content)
        try:
            store = Store.open([path], names=column_map(names.split()))
        except UserError as error:
            raise UserError(str(error).replace(str(path), name)) from None
    uploads.open_table(store, name)
