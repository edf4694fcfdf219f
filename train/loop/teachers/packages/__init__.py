"""Networks of Python packages, one package per file: `open_networks()` and `digest()`."""
