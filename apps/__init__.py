"""What people open in a browser: the live demo and the evaluation studio."""
