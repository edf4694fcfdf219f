"""Torch architectures, one family per file; the only torch in core.

Each exposes `build(heads, spec, **options) -> Network`.
"""
