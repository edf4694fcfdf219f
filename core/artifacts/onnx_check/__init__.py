"""Whether an untrusted ONNX file is safe to open, decided before ONNX Runtime sees it."""
