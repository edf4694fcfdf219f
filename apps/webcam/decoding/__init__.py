"""Visitors' pictures and videos, decoded in processes of their own.

What a visitor sends is decoded by large libraries in C. In a process of its own, a file that makes
them crash, hang or swell costs that visitor an error message, and nobody else a frame.
"""
