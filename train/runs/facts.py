"""What a run records about itself once, as it starts: time, machine, network, versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from core import system

PACKAGES = ("torch", "timm", "accelerate", "numpy", "torchvision", "opencv-python-headless", "onnx")


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What `summary.json` says of a run beside its figures; None where an older run did not record.

    Attributes:
        started: ISO 8601, UTC.
        machine: processor, cores, threads, memory, processes, accelerator.
        parameters: total, trainable, non_trainable.
        versions: package -> version.
        limit: samples of each data set; None for all.
        budget_s: seconds that training may take; None for any.
        data: "<data set> <split>" -> fingerprint of its pictures and labels.
        data_seconds: to read the data sets and align their faces, before the first epoch.
    """

    started: str | None = None
    machine: Mapping[str, str | float | None] | None = None
    parameters: Mapping[str, int] | None = None
    versions: Mapping[str, str] | None = None
    limit: int | None = None
    budget_s: float | None = None
    data: Mapping[str, str] | None = None
    data_seconds: float | None = None


def record_facts(parameters: Mapping[str, int], processes: int) -> RunFacts:
    """Return the facts of a run that starts now, on this machine.

    Args:
        parameters: the network's parameter counts.
        processes: that train together.
    """
    return RunFacts(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine(processes),
        parameters=parameters,
        versions=system.versions(PACKAGES),
    )


def machine(processes: int = 1) -> dict[str, str | float | None]:
    """Return the description of this machine as a run's summary has it.

    Args:
        processes: that train together.

    Returns:
        system, processor, cores, threads of torch, memory_gb (GiB), processes, and the name of
        the accelerator, None without one.
    """
    import torch

    here = system.describe_machine()
    return {
        "system": here.system,
        "processor": here.processor,
        "cores": here.cores,
        "threads": torch.get_num_threads(),
        "memory_gb": here.memory_gb,
        "processes": processes,
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }
