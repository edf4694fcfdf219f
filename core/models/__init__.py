"""Torch architectures, one family per file, each exposing `build(heads, spec, **options) -> Network`. The only room of core that imports torch."""
