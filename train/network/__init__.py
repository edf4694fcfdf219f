"""The network that a recipe describes: built, frozen in part, counted."""
