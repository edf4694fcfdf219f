"""What every room shares: images, faces, crops, labels, model files, predictions.

Only `core.models` imports torch.
"""
