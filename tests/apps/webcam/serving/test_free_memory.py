"""Freed memory goes back to the system."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from apps.webcam.serving import free_memory

PROGRAM = """
import os
import psutil
from apps.webcam.serving.free_memory import give_back

blocks = [bytes(50_000) for _ in range(2000)]
del blocks[::2]  # 50 MB in pieces, each below one that is in use
before = psutil.Process().memory_info().rss
assert give_back()
print(before - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc alone can")
def test_pieces_between_memory_in_use_are_given_back():
    command = [sys.executable, "-c", PROGRAM]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(result.stdout) > 30e6


def test_another_c_library_is_no_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert free_memory.give_back() is False
