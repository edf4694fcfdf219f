"""What every room shares: images, faces, crops, labels, model files, predictions.

Only `core.models` imports torch.
"""

from core.outbound import telemetry

telemetry.turn_off()
