"""Seeded hostile input for all that reads input of others: crashes, hangs, memory, files left.

A target is one file in `targets`, found by its name, with

    prepare(rng, folder) -> attack

It makes one hostile input from the random numbers of `rng` (`numpy.random.Generator`), in the empty
folder `folder` where it needs files, and returns the call that is measured. `attack()` returns what
it likes where the input was accepted and raises `core.errors.UserError` where it was refused; any
other exception is a crash. Whatever `attack` writes below `folder` and leaves there counts as left,
as does every file in the temporary folder. What is costly and harmless, such as a server or a
template, is made once in the module (`functools.cache`). A target may state limits of its own:

    MAX_SECONDS = 1.0    # of processor time of one attack
    MAX_MEMORY_MB = 400  # resident memory above that before the attack

Each case depends on the target's name, the seed and the case's number alone, so that

    python -m scripts.fuzz TARGET --case N --seed S

runs a reported case again, with its traceback.
"""
