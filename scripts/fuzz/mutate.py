"""Mutations of bytes that all targets share."""

from __future__ import annotations

import numpy as np

MAX_EDITS = 12
INTERESTING = (0x00, 0x7F, 0x80, 0xFF)


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """Return `data` after 1 to MAX_EDITS edits: changed, removed, repeated or inserted bytes."""
    content = bytearray(data)
    for _ in range(rng.integers(1, MAX_EDITS + 1)):
        start = int(rng.integers(0, len(content) + 1))
        length = int(rng.geometric(1 / 16))
        kind = rng.integers(6)
        if kind == 0:
            content[start : start + 1] = bytes([int(rng.integers(256))])
        elif kind == 1:
            content[start : start + 1] = bytes([int(rng.choice(INTERESTING))])
        elif kind == 2:
            del content[start : start + length]
        elif kind == 3:
            content[start:start] = content[start : start + length] * int(rng.integers(1, 64))
        elif kind == 4:
            content[start : start + length] = rng.bytes(length)
        else:
            del content[max(1, start) :]
    return bytes(content)
