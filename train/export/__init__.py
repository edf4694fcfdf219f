"""From a checkpoint to a bundle: calibration, thresholds, figures, model card, ONNX."""
