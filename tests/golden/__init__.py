"""Golden outputs: what the program printed and computed before the redesign.

`files/` holds one JSON file per output. `test_golden.py` makes each output anew and compares it
with its file; `python -m tests.golden.update` rewrites the files. Everything that names a module,
a function or a field of the product stands in `adapter.py`, `studio_figures.py` and
`named_values.py`, so a move or a renaming changes these alone.
"""
