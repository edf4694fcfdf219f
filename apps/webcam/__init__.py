"""The live demo: predictions from webcam, images and videos in a browser, and as JSON."""

import os

# Gradio reads these when it is imported, which happens after this file: no usage statistics,
# neither from Gradio nor from its Hub client.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
