"""What people open in a browser: the live demo (`apps.webcam`) and the evaluation studio
(`apps.studio`).
"""
