"""A visitor's own table: checked as hostile until it conforms, kept for this visit only."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from apps.studio import context, settings, url_state
from apps.studio.context import View
from core.errors import UserError
from evaluation.commands.report import mapping
from evaluation.store import Store

TITLE = "Own table"
ICON = ":material/upload_file:"
ORDER = 95
MOST = 3
"""Uploaded tables held at a time."""


def render(view: View) -> None:
    """Draws the page."""
    st.markdown(
        "One row per sample and model: `sample_id`, a true column (`emotion_true`, `gender_true`, `age_true`) and a prediction "
        "(`emotion_pred` or `emotion_p_<label>`, `gender_pred` or `gender_p_female`, `age_pred`). Parquet or CSV, "
        f"at most {settings.UPLOAD_MB} MB; larger ones open from the command line. Nothing is kept after the visit."
    )
    with st.form("own", clear_on_submit=True):
        given = st.file_uploader(
            "Predictions", type=["parquet", "csv"], max_upload_size=settings.UPLOAD_MB
        )
        names = st.text_input(
            "Other names for columns",
            placeholder="emotion_true=label emotion_pred=pred",
            max_chars=500,
        )
        sent = st.form_submit_button("Open", type="primary")
    if sent and given is None:
        st.info("Choose a file first.")
    elif sent and given is not None:
        try:
            add(given.name, given.getbuffer(), names)
        except UserError as error:
            st.error(context.plain(str(error)), icon=":material/error:")
        else:
            st.rerun()
    held = context.uploads()
    if held:
        st.subheader("Opened in this visit")
        st.dataframe(
            {
                "table": list(held),
                "rows": [s.rows for s in held.values()],
                "models": [", ".join(s.models) for s in held.values()],
            },
            hide_index=True,
        )
        st.caption("Choose it under *Table* in the sidebar.")
        if st.button("Close them all"):
            held.clear()
            url_state.put("table", [])
            st.rerun()


def add(name: str, content: bytes | memoryview, names: str = "") -> None:
    """Opens an uploaded table and selects it. The copy on the disk is gone when this returns.

    Raises:
        UserError: it does not conform; the message names column, row and fix.
    """
    suffix = ".csv" if name.lower().endswith(".csv") else ".parquet"
    stem = (
        "".join(c if c.isalnum() or c in "-_. " else "_" for c in Path(name).stem)[:60] or "table"
    )
    with tempfile.TemporaryDirectory(prefix="mien-studio-") as folder:
        path = Path(folder) / (stem + suffix)
        path.write_bytes(content)
        try:
            store = Store.open([path], names=mapping(names.split()))
        except UserError as error:
            raise UserError(str(error).replace(str(path), name)) from None
    held = context.uploads()
    held[stem] = store
    for old in list(held)[:-MOST]:
        del held[old]
    url_state.put("table", [stem])
