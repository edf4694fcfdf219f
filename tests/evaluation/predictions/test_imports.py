"""What outside scripts import: `evaluation.predictions.write`, without a heavy library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

PROGRAM = """
import sys
import pyarrow as pa
from evaluation.predictions import write
table = pa.table({"sample_id": ["a"], "emotion_true": ["anger"], "emotion_pred": ["fear"]})
write(table, sys.argv[1])
# pyarrow itself imports pandas where it is installed
heavy = {"torch", "cv2", "onnxruntime", "duckdb", "scipy", "plotly"} & set(sys.modules)
sys.exit(f"imported: {heavy}" if heavy else 0)
"""


def test_a_script_writes_a_table_without_heavy_imports(tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(out)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert out.is_file()
