"""Trained weights of a run folder, a checkpoint, or a bundle with a weights file."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from core.artifacts import bundle
from core.errors import ModelError, UserError
from core.system import ROOT
from evaluation.training_runs.run_folder import BEST_CHECKPOINT
from train.recipe.recipe import Recipe, from_dict
from train.runs import checkpoint

WEIGHTS = "weights.safetensors"


def weights(path: str | Path) -> tuple[dict[str, Tensor], Recipe]:
    """Return the state of a trained network and its recipe.

    Args:
        path: a run folder, a checkpoint, or a bundle. A relative one counts from here, then from
            the project's folder, where runs go unless --out says otherwise.

    Returns:
        Name -> float32 tensor, as `load_state_dict` takes it, and the recipe.

    Raises:
        UserError: there is none.
        ModelError: the file is damaged, or holds no complete recipe.
    """
    path = Path(path)
    path = path if path.exists() else ROOT / path
    folder = path.parent if path.name in (bundle.MODEL_FILE, WEIGHTS) else path
    if (folder / WEIGHTS).is_file():
        try:
            state = load_file(folder / WEIGHTS)
        except SafetensorError as error:
            raise ModelError(
                f"Expected complete weights in {folder / WEIGHTS}, got: {error}; export or copy "
                "the bundle again."
            ) from error
        recipe = _recipe(bundle.load_card(folder).recipe, folder)
        return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}, recipe
    file = path / BEST_CHECKPOINT if path.is_dir() else path
    if not file.is_file() or folder != path:  # a model file alone holds no weights to train on
        raise UserError(
            f"Expected a run folder, a checkpoint or a bundle with {WEIGHTS} at {path}, got none; "
            "train that recipe first (what a recipe builds on: --prerequisites)."
        )
    content = checkpoint.load(file, ("recipe", "model"))
    return content.get("ema") or content["model"], _recipe(content["recipe"], file)


def _recipe(values: object, path: Path) -> Recipe:
    try:
        return from_dict(values)
    except ModelError as error:
        raise ModelError(
            f"Expected a whole recipe in {path}, got: {str(error)[:200]} Take a run folder or "
            "bundle of `python -m train`."
        ) from error
