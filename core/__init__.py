"""What every room shares: images, faces, crops, labels, model files, predictions.

Only `core.models` imports torch.
"""

from core import telemetry

telemetry.turn_off()
