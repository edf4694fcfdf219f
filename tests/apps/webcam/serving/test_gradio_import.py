"""Gradio is imported without what only editors need, and works all the same."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import inspect
import sys

stubs = []
sys.addaudithook(
    lambda event, arguments: stubs.append(arguments[0])
    if event == "open" and str(arguments[0]).endswith(".pyi") else None
)
before = inspect.getfile
if "quick" in sys.argv:
    from apps.webcam.serving.gradio_import import import_gradio
    import_gradio()
import gradio
assert inspect.getfile is before
with gradio.Blocks() as page:
    picture = gradio.Image()
    picture.upload(lambda image: image, picture, picture)
assert len(page.fns) == 1
print(len(stubs))
"""


def test_gradio_touches_no_stubs():
    command = [sys.executable, "-c", PROGRAM, "quick"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["0"]
