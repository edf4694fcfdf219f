"""Commands that measure the demo: visitors at once, and steadiness of the shown values."""
