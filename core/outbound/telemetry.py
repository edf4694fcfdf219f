"""Usage statistics and update checks of the libraries: off, before any of them is imported.

`core/__init__.py` calls `turn_off`, and all packages import `core` first, so it holds for every
command and for programs that import `core.pipeline`. A program that imports ONNX Runtime
earlier has to set `ORT_DISABLE_TELEMETRY=1` itself: the runtime reads it once, when it is loaded.
"""

from __future__ import annotations

import os

SWITCHES = {
    "DO_NOT_TRACK": "1",  # https://donottrack.sh
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",  # else a table of visitors after each event
    "GRADIO_ANALYTICS_ENABLED": "False",  # also its check for a newer version
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "ORT_DISABLE_TELEMETRY": "1",  # else an identifier in the temporary folder, and events sent
    "RAY_USAGE_STATS_ENABLED": "0",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
}
"""Environment variable -> value that says no."""


def turn_off() -> None:
    """Set every switch in this process's environment, which child processes inherit."""
    os.environ.update(SWITCHES)
