"""What arguments of `python -m train` mean: a duration, a place of data, a recipe that needs none.

Without torch, as they are checked first.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from core import registry
from core.errors import UserError
from core.schema import parse_json
from train.recipe.recipe import Recipe


def parse_duration(text: str) -> float:
    """Return the seconds of '90m', '2h', '600s' or '600'.

    Raises:
        argparse.ArgumentTypeError: it is not a positive time.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if not match or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"expected a time such as 90m, 2h or 600s, got {text!r}")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def data_folders(data: str) -> dict[str, str]:
    """Return the folder or manifest of each data set, "*" for all others.

    Args:
        data: as for --data; a folder or manifest, or a JSON file {data set: folder or manifest}.

    Raises:
        UserError: neither a folder nor a manifest nor a JSON object of names and folders.
    """
    path = Path(data)
    if path.is_dir() or is_manifest(data):
        return {"*": data}
    if not path.is_file():
        raise UserError(
            f"Expected --data to name a folder or a JSON file {{data set: folder}}, got {data}, "
            "which does not exist."
        )
    try:
        folders = parse_json(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(
            f"Expected a JSON object {{data set: folder}} in {data}, got: {error}."
        ) from error
    if not isinstance(folders, dict) or not all(isinstance(v, str) for v in folders.values()):
        raise UserError(
            f"Expected a JSON object {{data set: folder}} in {data}, got {str(folders)[:80]}."
        )
    return folders


def is_manifest(data: str) -> bool:
    """Return whether --data names a manifest."""
    from core.data import manifest  # imports pyarrow

    return manifest.is_manifest(data)


def is_generated(recipe: Recipe) -> bool:
    """Return whether all data sets of a recipe are generated, so that they need no folder."""
    return all(
        getattr(registry.load("core.data", name), "GENERATED", False)
        for name in (*recipe.data, *recipe.validation)
    )
