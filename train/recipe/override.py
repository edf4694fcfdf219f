"""Change fields of a recipe by text, as `--set optim.lr=1e-4` does, checked against their types."""

from __future__ import annotations

import ast
import difflib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from core import registry
from core.artifacts.input_spec import InputSpec
from core.errors import UserError
from train.recipe.recipe import Recipe
from train.recipe.settings import Loss, Model, Optim


def override(recipe: Recipe, assignments: Sequence[str]) -> Recipe:
    """Return the recipe with each "dotted.name=value" applied.

    Values are Python literals or plain text.

    Raises:
        UserError: no such field (the nearest one is named) or a value of another type.
    """
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"Expected --set NAME=VALUE, got {text!r}.")
        recipe = _set(recipe, name.strip().split("."), _literal(value.strip()), name.strip())
    return recipe


def _literal(text: str) -> Any:
    constants = {"true": "True", "false": "False", "none": "None"}
    try:
        return ast.literal_eval(constants.get(text.lower(), text))
    except (ValueError, SyntaxError, TypeError):  # TypeError: {[]: 1}
        return text


def _set(node: Any, names: list[str], value: Any, path: str) -> Any:
    """Return `node` with the field that `names` leads to set to `value`."""
    name, rest = names[0], names[1:]
    if isinstance(node, Model | Loss | Optim) and name == "options" and len(rest) == 1:
        if not isinstance(node, Optim):  # timm's optimizers have too many to list
            _check_name(rest[0], _option_names(node), path)
        return replace(node, options={**node.options, rest[0]: value})
    if isinstance(node, Mapping):
        _check_name(name, list(node), path)
        return {**node, name: _set(node[name], rest, value, path) if rest else value}
    if not is_dataclass(node) or isinstance(node, type):
        raise UserError(
            f"Expected {path!r} to name a field, but {'.'.join(names)!r} lies inside a plain value."
        )
    _check_name(name, [f.name for f in fields(node)], path)
    if rest:
        return replace(node, **{name: _set(getattr(node, name), rest, value, path)})
    changes = {name: _convert(value, get_type_hints(type(node))[name], path)}
    if isinstance(node, InputSpec) and name == "channels":
        changes |= _normalisation(node, changes["channels"])
    try:
        return replace(node, **changes)
    except UserError:
        raise
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"Expected --set {path} to fit, got {value!r}: {error}") from error


def _normalisation(spec: InputSpec, channels: int) -> dict[str, tuple[float, ...]]:
    """Return mean and std for another number of channels: the same for each, their average."""
    if channels == spec.channels or channels < 1:
        return {}
    return {
        name: (sum(values) / len(values),) * channels
        for name, values in (("mean", spec.mean), ("std", spec.std))
    }


def _option_names(node: Model | Loss) -> list[str]:
    """Return the options of a model family, or of a loss."""
    if isinstance(node, Loss):
        parameters = inspect.signature(registry.load("train.losses", node.name).loss).parameters
        return [name for name, p in parameters.items() if p.default is not p.empty]
    parameters = inspect.signature(registry.load("core.models", node.family).build).parameters
    return [name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY]


def _check_name(name: str, names: Sequence[str], path: str) -> None:
    if name in names:
        return
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(names) or 'none'}."
    raise UserError(f"Expected a field of the recipe, got {name!r} in --set {path}; {hint}")


def _convert(value: Any, annotation: Any, path: str) -> Any:
    """Return `value` as the annotated type has it."""
    is_union = get_origin(annotation) in (Union, UnionType)
    for kind in get_args(annotation) if is_union else (annotation,):
        base = get_origin(kind) or kind
        if base is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if base is tuple and isinstance(value, str) and get_args(kind)[0] is str:
            return tuple(v.strip() for v in value.split(",") if v.strip())
        if base is tuple and isinstance(value, list | tuple):
            return tuple(value)
        # which text a Literal allows, its dataclass checks
        base = {Mapping: dict, Literal: str}.get(base, base)
        if isinstance(value, base) and not (base is int and isinstance(value, bool)):
            return value
    name = getattr(annotation, "__name__", annotation)
    raise UserError(f"Expected --set {path} to be {name}, got {value!r}.")
