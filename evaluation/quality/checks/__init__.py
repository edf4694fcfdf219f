"""The checks of a data set, one per file; the contract is the docstring of the package above."""
