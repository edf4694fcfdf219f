"""A corruption's level in words."""

from __future__ import annotations

from core import registry
from evaluation.robustness import corruptions


def level_in_words(kind: str, level: float | None, unit: str) -> str:
    """Return how strong a corruption is.

    Args:
        kind: the corruption; one that is not known here has its unit after the level.
        level: in the corruption's unit; None or NaN for the picture as it is.
        unit: the unit's name.

    >>> level_in_words("jpeg", 20, ""), level_in_words("blur", 0.045, "")
    ('JPEG quality 20', 'blur 4.5 % of face width')
    >>> level_in_words("fog", 2, "metres"), level_in_words("fog", None, "metres")
    ('2 metres', 'as it is')
    """
    if level is None or level != level:
        return "as it is"
    package = corruptions.__name__
    is_known = kind in registry.names(package)
    words = getattr(registry.load(package, kind), "WORDS", None) if is_known else None
    if words is None:
        return f"{level:g} {unit}"
    return str(words).format(level=level, percent=100 * level)
