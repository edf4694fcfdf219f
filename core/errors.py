"""The one error that is the user's to mend: it says what was expected, what came, and what to try."""


class UserError(ValueError):
    """A mistake in what the user gave. Command lines print its text and exit with status 2."""


class ImageError(UserError):
    """A file or array that cannot be read as a picture."""


class ModelError(UserError):
    """A model file that is missing, damaged or not one of ours."""


class DataError(UserError):
    """A data folder, table or split that is missing or malformed."""
