"""The subcommands of `python -m evaluation`, one a file; nothing imports them."""
