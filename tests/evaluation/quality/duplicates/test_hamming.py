"""The search for near hashes: equal to comparing all with all, quick at a million, harmless where
everything is alike.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from evaluation.quality.duplicates import hamming
from tests.conftest import ROOT


def brute(left: np.ndarray, right: np.ndarray, radius: int) -> set[tuple[int, int]]:
    near_pairs: set[tuple[int, int]] = set()
    for start in range(0, len(left), 512):
        near = np.bitwise_count(left[start : start + 512, None] ^ right[None, :]) <= radius
        a, b = np.nonzero(near)
        near_pairs |= set(zip((a + start).tolist(), b.tolist(), strict=True))
    return near_pairs


def skewed(rng: np.random.Generator, n: int) -> np.ndarray:
    """Hashes with biased, correlated bits and many near pairs, as faces have."""
    bias = rng.uniform(0.05, 0.95, 64)
    bits = rng.random((n // 4, 64)) < bias
    copies = np.repeat(bits, 4, axis=0) ^ (rng.random((n // 4 * 4, 64)) < 0.05)
    return np.unique(np.packbits(copies, axis=1).view(np.uint64)[:, 0])


@pytest.mark.parametrize("radius", [0, 1, 4, 6, 9])
def test_near_is_brute_force(radius: int) -> None:
    rng = np.random.default_rng(radius)
    hashes = rng.permutation(skewed(rng, 20_000 if radius == 6 else 2_000))
    assert len(hashes) >= (19_900 if radius == 6 else 1_900)
    pairs = hamming.pairs_within(hashes, None, radius)
    joined = list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))
    assert pairs.complete and len(set(joined)) == len(joined)
    wanted = {(a, b) for a, b in brute(hashes, hashes, radius) if a < b}
    assert set(joined) == wanted and (radius < 4 or len(wanted) > 100)


def test_between_is_brute_force() -> None:
    rng = np.random.default_rng(1)
    left, right = skewed(rng, 3000), skewed(rng, 2000)
    right = np.concatenate([right, left[:500], left[:10]])
    pairs = hamming.pairs_within(left, right, 6)
    assert set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)) == brute(left, right, 6)
    assert len(pairs.left) >= 510


def test_nothing_and_one() -> None:
    for n in (0, 1):
        pairs = hamming.pairs_within(np.arange(n, dtype=np.uint64), None, 6)
        assert len(pairs.left) == 0 and pairs.complete


def test_equal_hashes_are_refused() -> None:
    with pytest.raises(ValueError, match="unique"):
        hamming.pairs_within(np.zeros(2, np.uint64), None, 6)


def test_a_dense_ball_ends_and_says_so() -> None:
    hashes = np.arange(
        1 << 15, dtype=np.uint64
    )  # all differ in 15 bits only: thousands of neighbours each
    pairs = hamming.pairs_within(hashes, None, 6, max_comparisons=10_000_000, max_pairs=100_000)
    assert not pairs.complete and len(pairs.left) <= 100_000


MILLION = """
import re, time, numpy as np
from evaluation.quality.duplicates import hamming
rng = np.random.default_rng(0)
bits = rng.integers(0, 2**64, 1_000_000, dtype=np.uint64)
flips = np.uint64(1) << rng.integers(0, 64, 100_000).astype(np.uint64)
bits[500_000:600_000] = bits[:100_000] ^ flips
hashes = np.unique(bits)
start = time.process_time()
pairs = hamming.pairs_within(hashes, None, 6)
seconds = time.process_time() - start
# ru_maxrss would begin at the parent's
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
print(seconds, peak, len(pairs.left), pairs.complete, len(hashes))
"""


def test_a_million() -> None:
    """Processor seconds, so that a busy machine does not count; measured 6 to 9 s and 550 MB."""
    done = subprocess.run(
        [sys.executable, "-c", MILLION],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=500,
    )
    seconds, megabytes, pairs, complete, n = done.stdout.split()
    assert complete == "True" and int(n) > 999_000
    assert int(pairs) >= 100_000
    assert float(seconds) < 45 and float(megabytes) < 1500
