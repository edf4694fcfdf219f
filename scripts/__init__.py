"""Programs beside the four packages: the Space, screenshots, lists of pictures, fuzzing."""
