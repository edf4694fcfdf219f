"""What the page says about where pictures go; that follows from where the demo runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from apps.webcam.serving.hosts import LOOPBACK_NAMES

Place = Literal["here", "space", "elsewhere"]
"""Where the demo runs: on the visitor's computer, as a Space of Hugging Face, or elsewhere."""

WAY: dict[Place, str] = {
    "here": "stay on this computer",
    "space": "leave your device: they go to Hugging Face's computers, which run this page",
    "elsewhere": "leave your device: they go to the computer that runs this page",
}


def place(host: str, public_names: Collection[str], environment: Mapping[str, str]) -> Place:
    """Return where the demo runs, as its visitors see it.

    Args:
        host: Address that it listens on.
        public_names: Further names that it answers to, such as that of a proxy.
        environment: Of the process; a Space sets `SPACE_ID`.
    """
    if environment.get("SPACE_ID"):
        return "space"
    is_private = host.strip("[]").lower() in LOOPBACK_NAMES and not public_names
    return "here" if is_private else "elsewhere"


def camera_text(where: Place) -> str:
    """Return what happens to a camera's frames."""
    return (
        f"Your camera's frames {WAY[where]}. They are processed in memory and are gone with the"
        " next frame: no picture is stored, logged or passed on. Stop the camera or close the page"
        " to end it. Only point the camera at people who have agreed."
    )


def uploads_text(where: Place) -> str:
    """Return what happens to images and videos."""
    return (
        f"Uploads {WAY[where]}. They are deleted within seconds of being processed; results are"
        " deleted when you leave or start again, after half an hour at the latest."
    )
