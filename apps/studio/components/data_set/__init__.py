"""The figures of the page Data set, one a file."""
