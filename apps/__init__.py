"""What people open in a browser: the live demo and the evaluation studio."""

import core  # noqa: F401  turns the libraries' usage statistics off before they are imported
