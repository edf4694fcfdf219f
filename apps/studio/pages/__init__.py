"""One page per file: TITLE, ICON, ORDER and render(view)."""
