"""Videos: faces found and read frame by frame, the annotated copy, and the results as files."""
