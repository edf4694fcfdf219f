"""Search for copies of images: exact, near and mirrored."""
