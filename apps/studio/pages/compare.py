"""Models on the same samples: who is better, for whom, and which samples became worse."""

from __future__ import annotations

import streamlit as st

from apps.studio import context, widgets
from apps.studio.components import train_val_gaps
from apps.studio.components.model_comparison import changed_samples, leaderboard, pair_figures
from apps.studio.context import View

TITLE = "Compare"
ICON = ":material/compare_arrows:"
ORDER = 30

ALL, PAIR, CHANGES = "All models", "Two models", "Regressions and fixes"
GAPS = "Training against validation"
"""The tabs."""
BASELINE = (
    "What the others are compared with. At first the model of the table that was opened first, as "
    "in `evaluation compare OLD NEW`: put the older one first."
)


def applies(view: View) -> bool:
    """Return whether the page has something to show."""
    return len(view.store.models) > 1 or train_val_gaps.applies(view)


def render(view: View) -> None:
    """Draw the page."""
    st.markdown("Which model is really better, and for whom? All are judged on the same samples.")
    if context.empty(view):
        return
    tab, container = widgets.open_tab(
        "vs.tab", [ALL] * (len(view.models) > 2) + [PAIR, CHANGES, GAPS]
    )
    with container:
        if tab == GAPS:
            train_val_gaps.show_gaps(view)
            train_val_gaps.show_transfer(view)
        elif len(view.models) < 2:
            _one_model(view)
        else:
            _compare(view, tab)


def _one_model(view: View) -> None:
    fix = (
        "choose another in the sidebar"
        if len(view.store.models) > 1
        else "open a second table beside the first: `python -m apps.studio A.parquet B.parquet`"
    )
    st.info(f"One model, {context.as_markdown(view.models[0])}: {fix}.", icon=":material/info:")


def _compare(view: View, tab: str) -> None:
    row = st.container(horizontal=True, vertical_alignment="bottom")
    models = [model for model in view.store.models_as_opened if model in view.models]
    baseline = widgets.choose("vs.a", "A, the baseline to beat", models, where=row, help=BASELINE)
    if tab == ALL:
        leaderboard.show(view, models, baseline)
        return
    other = widgets.choose("vs.b", "B", [m for m in models if m != baseline], where=row)
    if tab == PAIR:
        pair_figures.show(view, baseline, other)
    else:
        changed_samples.show(view, baseline, other)
