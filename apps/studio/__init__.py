"""The evaluation studio: where any face model fails. `python -m apps.studio [T.parquet ...]`."""
