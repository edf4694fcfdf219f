"""The live demo: webcam, pictures and videos in the browser, and the same prediction as JSON."""

import os

# Gradio reads these when it is imported, which is after this file: no usage statistics, neither
# here nor from its Hub client.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
