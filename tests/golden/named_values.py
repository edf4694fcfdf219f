"""The fields of the studio's figures by name; see `adapter`."""

from __future__ import annotations

from typing import Any

import numpy as np


def digest(values: np.ndarray) -> dict[str, Any]:
    """A long array in short: its length, its mean and nine of its values, evenly spaced."""
    at = np.linspace(0, len(values) - 1, 9).astype(int)
    return {"size": len(values), "mean": float(np.mean(values)), "some": values[at]}


def class_rows(scores: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "n": one.n,
            "called": one.predicted_n,
            "precision": one.precision,
            "recall": one.recall,
            "f1": one.f1,
        }
        for label, one in scores.items()
    ]


def band_row(band: Any) -> dict[str, Any]:
    share, accuracy = band.share, band.accuracy
    return {"from": band.low, "below": band.high, "share": share, "accuracy": accuracy}


def risk_row(curve: Any, area: Any) -> dict[str, Any]:
    from dataclasses import asdict

    arrays = {name: digest(np.asarray(values)) for name, values in asdict(curve).items()}
    return {"curve": arrays, "area": area}


def fields(values: tuple[Any, ...] | None, *names: str) -> dict[str, Any] | None:
    return None if values is None else dict(zip(names, values, strict=True))
