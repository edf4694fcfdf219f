"""Let torchvision (and so timm) import beside a CPU-only torch.

Such a torch lacks two operators that torchvision's wheel expects. `import
core.models.base.torchvision_compat` before torchvision or timm. Where the real operators exist,
nothing happens.
"""

from functools import cache
from typing import Any

import torch


@cache  # keeps the library alive: its schemas go with the object
def _missing_operators() -> Any:
    """Define the operators and return their library; None where nothing is missing."""
    try:
        _ = torch.ops.torchvision.nms
        return None
    except AttributeError:
        pass
    import importlib.util

    if importlib.util.find_spec("torchvision") is None or _extension_loads():
        return None
    definitions: Any = torch.library
    library = definitions.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def _extension_loads() -> bool:
    """Return whether torchvision's own compiled operators load.

    They define nms themselves and must not find it taken.
    """
    import ctypes
    import importlib.util
    from pathlib import Path

    spec = importlib.util.find_spec("torchvision")
    assert spec is not None and spec.origin is not None
    for library in Path(spec.origin).parent.glob("_C*"):
        try:
            ctypes.CDLL(str(library))
            return True
        except OSError:
            continue
    return False


_missing_operators()
