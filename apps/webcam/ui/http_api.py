"""How a program uses the running demo, for the page. `docs/demo.md` has the same examples."""

from __future__ import annotations

from apps.webcam.serving.clients import CLIENT_LIMITS
from core import image

ADDRESS = "http://127.0.0.1:7860"
"""Address in the examples: the demo's when it is started without options."""

PYTHON = f"""\
from gradio_client import Client, handle_file

client = Client("{ADDRESS}")
for face in client.predict(handle_file("portrait.jpg"), api_name="/predict"):
    print(face["box"], face["emotion"], face["gender"], face["age"], face["abstained"])
"""
BATCH = f"""\
from gradio_client import Client, handle_file

client = Client("{ADDRESS}")
jobs = [client.submit(handle_file(name), api_name="/predict") for name in ("a.jpg", "b.jpg")]
for job in jobs:
    print(len(job.result()), "faces")
"""
CURL = f"""\
api={ADDRESS}/gradio_api
path=$(curl -s -F files=@portrait.jpg $api/upload | tr -d '[]')
event=$(curl -s $api/call/predict -H 'Content-Type: application/json' \\
    -d "{{\\"data\\": [{{\\"path\\": $path}}]}}" | cut -d '"' -f 4)
curl -s $api/call/predict/$event
"""


def guide(images_at_once: int) -> str:
    """Return the section of the About tab, in Markdown.

    Args:
        images_at_once: How many images are read at once.
    """
    return f"""
### From a program

`/predict` returns the same predictions as JSON: one image in, a list of faces out. Each has `box`,
`score`, `landmarks`, `emotion`, `gender` (perceived), `age` (`value`, `low`, `high`, `unclear`),
`band`, `uncertain` (by task), `not_given` (the reason why `gender` is null, of small children) and
`abstained`: the reason why no prediction should be used, or null.

```python
{PYTHON}```

Several images, sent at once and answered in turn:

```python
{BATCH}```

Without Python, as three requests: upload, call, result. The answer is a line `data:` with the list,
or `event: error`.

```sh
{CURL}```

Limits: images of {image.MAX_BYTES >> 20} MB and {image.MAX_PIXELS // 10**6} megapixels;
{images_at_once} are read at once; {CLIENT_LIMITS.short} of a client may wait, more get status 429.
An upload that no call names within a minute is deleted. No other address is fetched.
"""
