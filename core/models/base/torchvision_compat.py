"""Lets torchvision (and so timm) import beside a CPU-only torch, whose build lacks two operators
that torchvision's wheel expects.

`import core.models.base.torchvision_compat` before torchvision or timm. Where the real operators
exist, nothing happens.
"""

import torch

_library = None  # kept alive: the schemas go with the object


def _define_missing() -> None:
    global _library
    try:
        _ = torch.ops.torchvision.nms
        return
    except AttributeError:
        pass
    import importlib.util

    if importlib.util.find_spec("torchvision") is None or _extension_loads():
        return
    _library = torch.library.Library("torchvision", "DEF")
    _library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def _extension_loads() -> bool:
    """Whether torchvision's own compiled operators load; they define nms themselves and must not
    find it taken.
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


_define_missing()
