"""Start the demo as a file, the way Hugging Face Spaces do (`app_file` in README.md).

Everywhere else the command is `python -m apps.webcam`.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path


def register_with_zero_gpu() -> None:
    """On ZeroGPU, announce a function for its GPU, without which a Space there does not start.

    The demo computes on the processor: the function does nothing and is never called. ZeroGPU
    itself brings the package `spaces` along (https://huggingface.co/docs/hub/spaces-zerogpu).
    """
    if os.environ.get("SPACES_ZERO_GPU"):
        import_module("spaces").GPU(_no_work)


def _no_work() -> None:
    pass


if __name__ == "__main__":
    # Python put this folder first on the module path; the repository root takes its place, so that
    # `apps` and `core` can be imported.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from apps.webcam.__main__ import main

    register_with_zero_gpu()  # imports Gradio, whose usage statistics `core` has turned off by now
    sys.exit(main())
