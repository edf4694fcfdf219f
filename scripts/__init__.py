"""Programs beside the rooms: the Space, screenshots, lists of pictures, fuzzing."""
