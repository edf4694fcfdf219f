"""The evaluation studio: where a face model fails, in the browser."""
