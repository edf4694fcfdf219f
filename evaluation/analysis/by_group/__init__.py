"""Whom a model serves worse: outcomes by group, gaps between groups, weak slices."""
