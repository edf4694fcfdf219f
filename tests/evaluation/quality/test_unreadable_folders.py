"""An audit names the folder that may not be read, and goes on with the other splits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.evaluation.quality import faulty


def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    """As another user, because root may read everything."""
    root = faulty.tree(tmp_path / "closed", 4)
    (root / "train" / faulty.SECOND).chmod(0)
    command = [
        sys.executable,
        "-m",
        "evaluation",
        "audit",
        "--dataset",
        "image_folder",
        "--data",
        str(root),
        "--no-cache",
        "--checks",
        "faults",
    ]
    if os.geteuid() == 0:
        for folder in (root, *root.parents):
            if (
                folder.owner() == "root"
                and folder.is_relative_to(Path("/tmp"))
                and folder != Path("/tmp")
            ):
                folder.chmod(0o755)
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "MIEN_CACHE": str(tmp_path / "cache")},
    )
    assert "Traceback" not in done.stderr and "internal" not in done.stderr
    assert (
        done.returncode == 0
        and "no train split: Expected" in done.stderr
        and faulty.SECOND in done.stderr
    ), done.stderr
