"""What the data sets share: samples, rows, files, splits, the cache of crops."""
