"""Start the demo as a file, the way Hugging Face Spaces do (`app_file` in README.md).

Everywhere else the command is `python -m apps.webcam`.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python put this folder first on the module path; the repository root takes its place, so that
    # `apps` and `core` can be imported.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from apps.webcam.__main__ import main

    sys.exit(main())
