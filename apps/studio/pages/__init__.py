"""The pages, one a file: a page selects, calls and draws."""
