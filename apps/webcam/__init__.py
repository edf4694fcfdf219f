"""The live demo: predictions from webcam, images and videos in a browser, and as JSON."""
