"""Studies, one per file, each a value named STUDY.

It says which recipes are trained on the same data and budget and then stand in one table.
"""
