"""Open the teachers that a recipe names."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from core import registry
from core.errors import UserError
from train.loop.teachers import trained_network
from train.loop.teachers.teacher import Teacher

PACKAGES = "train.loop.teachers.packages"
PACKAGE_PREFIX = "package:"
"""Begins the name of a package's networks; what follows is a file of `packages`."""


def open_teachers(name: str, amp: str) -> Sequence[Teacher]:
    """Return the networks that a name in `distill.teachers` stands for.

    Args:
        name: a run folder, a checkpoint or a bundle of ours, or `package:NAME`.
        amp: mixed precision of the recipe, in which networks of ours predict.

    Raises:
        UserError: there is no such teacher; says which forms a name may have.
    """
    if name.startswith(PACKAGE_PREFIX):
        teachers: Sequence[Teacher] = _package(name).open_networks()
        return teachers
    try:
        return [trained_network.TrainedNetwork(name, amp)]
    except UserError as error:
        raise UserError(f"{error} Networks of a package are {_package_names()}.") from error


def digest(name: str) -> str:
    """Return a digest of all that a teacher's predictions depend on; "" where it is gone."""
    if name.startswith(PACKAGE_PREFIX):
        return str(_package(name).digest())
    return trained_network.digest(name)


def _package(name: str) -> ModuleType:
    package = name.removeprefix(PACKAGE_PREFIX)
    if package not in registry.names(PACKAGES):
        raise UserError(
            f"Expected a teacher to be a run folder, a checkpoint, a bundle or {_package_names()}, "
            f"got {name!r}."
        )
    return registry.load(PACKAGES, package)


def _package_names() -> str:
    return " or ".join(PACKAGE_PREFIX + name for name in registry.names(PACKAGES))
