"""How long something has stayed as it is, for whoever looks now and then."""

from __future__ import annotations

from collections.abc import Hashable, Set


class Changes:
    """Since when values have been the same."""

    def __init__(self) -> None:
        self._values: dict[Hashable, tuple[object, float]] = {}

    def unchanged_seconds(self, key: Hashable, value: object, now: float) -> float:
        """Return for how long `key` has had the very object `value`."""
        before = self._values.get(key)
        if before is None or before[0] is not value:
            self._values[key] = (value, now)
            return 0.0
        return now - before[1]

    def keep(self, keys: Set[Hashable]) -> None:
        """Forget all other keys."""
        for key in self._values.keys() - keys:
            del self._values[key]
