"""How predictions are shown: words, drawings on the image, HTML, plots, page texts."""
