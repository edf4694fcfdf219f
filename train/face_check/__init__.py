"""The small network of `core.detection.face_check`: is a crop a whole, upright face?"""
