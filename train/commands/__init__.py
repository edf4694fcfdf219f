"""Commands of `python -m train`, one file each: `add_arguments(parser)` and `run(args)`.

A file's name is the command's name; `run` is what happens without one. Torch is imported only
where it is needed, so that `--help` answers at once.
"""
