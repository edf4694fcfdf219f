"""The project's only decoder: bytes, a path, a PIL picture or an array -> RGB uint8 (H, W, 3).

Files are untrusted. `jpeg`, `png`, `webp` and `gif` walk over a file's blocks once, with a limit on
their number, read the size, and pass on only what one picture needs; Pillow never sees the rest.
`decode` then lets Pillow decode that, `pixels` turns it into RGB, `limits` has the limits. Any file
is decoded or refused within about a second of processor time and 400 MB.
"""

from core.image.decode import Source, load, probe
from core.image.limits import MAX_BYTES, MAX_PIXELS, MAX_SCANS, check_bytes

__all__ = ["MAX_BYTES", "MAX_PIXELS", "MAX_SCANS", "Source", "check_bytes", "load", "probe"]
