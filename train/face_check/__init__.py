"""The small network that tells whether a crop shows a whole, upright face (`core.face_check`)."""
