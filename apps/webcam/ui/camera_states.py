"""The button that starts the camera, and one sentence for each reason why it may not start.

`scripts/start_camera.js` sets the state; `style.css` shows what belongs to it.
"""

from __future__ import annotations

import json
from html import escape

SENTENCES = {
    "idle": "See age, perceived gender and emotion live. No picture is recorded.",
    "asking": "Your browser asks for the camera: choose Allow.",
    "starting": "The camera is on; the first picture is on its way.",
    "slow": (
        "The first picture takes long: the connection or the server is slow. Wait a little, or try"
        " again."
    ),
    "denied": (
        "The camera is blocked for this page: allow it with the icon beside the address, then"
        " try again."
    ),
    "missing": "No camera was found: connect one, then try again.",
    "busy": (
        "The camera gives no picture, perhaps because another program uses it: close that program,"
        " then try again."
    ),
    "insecure": (
        "Browsers give the camera only to pages with https or on localhost: open this page under"
        " such an address."
    ),
    "framed": (
        "The page around this one does not pass the camera on: open the demo in a tab of its own."
    ),
    "unsupported": "This browser has no camera for pages: open the page in a current browser.",
    "left": "The camera was turned off when you opened another tab of this page.",
    "ended": "The camera was switched off or unplugged: connect it, then try again.",
    "lost": "The server no longer answers: check your connection, then try again.",
}
"""By state: what happens, or what is wrong and the way out."""
SLOW_LINE = "Your connection is slow: what you see is some seconds old."


def start_panel() -> str:
    """Return what covers the camera until it is live."""
    messages = escape(json.dumps(SENTENCES | {"slow_line": SLOW_LINE}), quote=True)
    return (
        f'<div class="mien-start" data-messages="{messages}">'
        f'<p id="mien-camera-message" role="status">{escape(SENTENCES["idle"])}</p>'
        '<div class="mien-actions">'
        '<button type="button" data-action="start">Start camera</button>'
        '<a data-only="framed" href="" target="_blank" rel="noopener">Open in its own tab</a>'
        '<button type="button" data-action="example">Try an example</button>'
        "</div></div>"
    )


def toolbar() -> str:
    """Return the buttons below the live picture."""
    return (
        '<div class="mien-toolbar">'
        '<button type="button" data-action="stop">Stop camera</button>'
        '<button type="button" data-action="switch">Switch camera</button>'
        '<span id="mien-line-note" role="status"></span></div>'
    )
