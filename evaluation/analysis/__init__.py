"""The evaluator: reports, comparisons and slices of predictions tables and of stores."""
