"""How fast the studio is at a given size: seconds to open, to draw a first page, per click, and
resident memory.

    python -m apps.studio.benchmark [--rows 1000000] [--models 1] [--table T.parquet] [--json]

Pages are drawn as the server does (Streamlit's AppTest runs the script), in a process of its own;
what the browser then needs is not in it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CLICKS: dict[str, tuple[str, list[dict[str, list[str]]]]] = {
    "overview: a filter": ("overview", [{"g.race": [v]} for v in ("White", "Black", "Asian")]),
    "confusion: a filter": ("confusion", [{"confidence": [str(v), "1"]} for v in (0.3, 0.5, 0.7)]),
    "confusion: a threshold": ("confusion", [{"cm.unsure": [str(v)]} for v in (0.4, 0.6, 0.8)]),
    "confusion: a cell": ("confusion", []),  # filled in `measure`: class names come from the store
}


def measure(path: Path) -> dict[str, Any]:
    """Figures of one table in this process: {seconds: {what: {wall, cpu}}, resident_mb, rows,
    models}.
    """
    import psutil
    from streamlit.testing.v1 import AppTest

    from apps.studio import context, settings

    seconds: dict[str, dict[str, float]] = {}

    def timed(what: str, *runs: Any) -> list[Any]:
        made, wall, cpu = [], [], []
        for run in runs:
            start, start_cpu = perf_counter(), process_time()
            made.append(run())
            wall.append(perf_counter() - start)
            cpu.append(process_time() - start_cpu)
        seconds[what] = {
            "wall": round(statistics.median(wall), 3),
            "cpu": round(statistics.median(cpu), 3),
        }
        return made

    def app(page: str, params: dict[str, list[str]]) -> Any:
        code = "from apps.studio import context\nfrom core import registry\n"
        made = AppTest.from_string(
            code + f"context.run(registry.load('apps.studio.pages', {page!r}), {page!r})",
            default_timeout=120,
        )
        made.query_params = params
        made.run()
        if made.exception:
            raise RuntimeError(made.exception[0].message)
        return made

    settings.use(settings.Settings((path,)))
    (store,) = timed("open the table", context.opened)
    timed("first page: overview", lambda: app("overview", {}))
    timed("first page: confusion", lambda: app("confusion", {}))
    labels = store.labels("emotion")
    cells = [{"cm.cell": [labels[i], labels[j]]} for i, j in ((0, 1), (1, 0), (2, 3))]
    for what, (page, params) in CLICKS.items():
        timed(what, *(lambda p=p, page=page: app(page, p) for p in params or cells))
    memory = psutil.Process(os.getpid()).memory_info().rss / 2**20
    return {
        "rows": store.rows,
        "models": len(store.models),
        "seconds": seconds,
        "resident_mb": round(memory),
    }


def generated(path: Path, rows: int, models: int) -> None:
    """Writes a table of `rows` invented predictions of `models` models on the same samples, without
    persons.
    """
    from evaluation.benchmark.generated_tables import parts
    from evaluation.predictions import table

    with table.writer(path, table.Meta(dataset="generated", split="val")) as out:
        for i in range(models):
            for part in parts(rows // models, model=f"m{i}"):
                out.write(part.drop_columns(["group_subject"]))


def main(argv: Sequence[str] | None = None) -> int:
    """Generates a table where none is given, measures in a fresh process, prints."""
    p = argparse.ArgumentParser(
        prog="python -m apps.studio.benchmark",
        description="How fast the studio is at a given size.",
    )
    p.add_argument(
        "--rows",
        type=int,
        default=1_000_000,
        help="rows of a generated table (default: %(default)s)",
    )
    p.add_argument("--models", type=int, default=1, help="models in it (default: %(default)s)")
    p.add_argument("--table", type=Path, metavar="T.parquet", help="measure this table instead")
    p.add_argument("--json", action="store_true", help="one JSON object on stdout")
    p.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    args = p.parse_args(argv)
    if args.here:
        print(json.dumps(measure(args.table)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = args.table or Path(folder) / "generated.parquet"
        if args.table is None:
            generated(path, args.rows, args.models)
        command = [
            sys.executable,
            "-m",
            "apps.studio.benchmark",
            "--here",
            "--table",
            str(path.resolve()),
        ]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return done.returncode
    found = json.loads(done.stdout.splitlines()[-1])
    if args.json:
        print(json.dumps(found))
        return 0
    print(
        f"studio, {found['rows']:,} rows, {found['models']} model(s): {found['resident_mb']} MB resident"
    )
    for what, s in found["seconds"].items():
        print(f"  {what:26} {s['wall']:7.3f} s  ({s['cpu']:.3f} s of processor)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
