"""Train a family of recipes on the same data and budget, and write one table of them."""
