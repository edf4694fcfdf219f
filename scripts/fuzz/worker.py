"""The process that runs the cases of one target, one after another, and reports each as JSON.

    python -m scripts.fuzz.worker TARGET SEED FIRST_CASE

A case is announced before it begins, so that whoever reads knows which one killed the process. It
ends when its standard input is closed.
"""

from __future__ import annotations

import itertools
import json
import os
import select
import sys
from dataclasses import asdict

from core import registry
from scripts.fuzz.case import run_case, watch_lookups

TARGETS = "scripts.fuzz.targets"


def main(target: str, seed: int, first: int) -> None:
    """Run cases from `first` on until standard input is closed."""
    reports = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no report
    lookups = watch_lookups()
    module = registry.load(TARGETS, target)
    for case in itertools.count(first):
        if select.select([sys.stdin], [], [], 0)[0]:
            break
        print(json.dumps({"begins": case}), file=reports, flush=True)
        result = run_case(module, target, seed, case, lookups, debug=False)
        print(json.dumps(asdict(result)), file=reports, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
