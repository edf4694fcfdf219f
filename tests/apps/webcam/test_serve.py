"""What the server sets in its process before it opens the port."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from core.system import ROOT

HEAPS = """
import ctypes, sys, threading
from apps.webcam.serve import limit_malloc_arenas
print(limit_malloc_arenas(int(sys.argv[1])), flush=True)
busy = threading.Barrier(9)
def work():
    # Over 512 bytes: the C library's memory, not Python's own.
    blocks = [bytearray(2000) for _ in range(100)]
    busy.wait()
for _ in range(8):
    threading.Thread(target=work).start()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(libc.fdopen(1, b"w")))
libc.fflush(None)
busy.wait()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
@pytest.mark.parametrize("count", [2, 6])
def test_threads_share_a_few_heaps(count: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HEAPS, str(count)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    is_set, heaps = done.stdout.partition("\n")[::2]
    assert is_set == "True" and heaps.count("<heap nr=") == count
