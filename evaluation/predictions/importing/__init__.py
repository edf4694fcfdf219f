"""The import of foreign tables: what has other names, formats or forms than the contract."""

from evaluation.predictions.importing.importer import import_predictions
from evaluation.predictions.importing.options import Imported, ImportOptions

__all__ = ["ImportOptions", "Imported", "import_predictions"]
