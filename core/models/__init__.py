"""Torch architectures, one family per file, each exposing `build(heads, spec, **options) ->
Network`. The only torch in core.
"""
