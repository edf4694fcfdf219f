"""Fetch data sets from their publishers, on their terms."""
