"""Where in an image a model looks."""
