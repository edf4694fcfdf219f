"""What the server does to its process before it opens the port."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from core.artifacts.downloads import ROOT

HEAPS = """
import ctypes, sys, threading
from apps.webcam.serve import few_arenas
print(few_arenas(int(sys.argv[1])), flush=True)
busy = threading.Barrier(9)
def work():
    kept = [bytearray(2000) for _ in range(100)]  # over 512 bytes: the C library's memory, not Python's own
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
@pytest.mark.parametrize("most", [2, 6])
def test_threads_share_a_few_heaps(most: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HEAPS, str(most)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    said, heaps = done.stdout.partition("\n")[::2]
    assert said == "True" and heaps.count("<heap nr=") == most
