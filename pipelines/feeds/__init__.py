"""Upstreams, one a module: the questions put to it and the reading of what it answers. Nobody else knows it."""
