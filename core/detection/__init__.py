"""What becomes of detections: turned faces are turned back, what is no whole face is refused."""
