"""One recipe per file, a value named RECIPE, mostly `replace(another, what differs=...)`."""
