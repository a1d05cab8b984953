"""Outcrop: the open, reproducible warehouse of Bitcoin's layers."""

from importlib.metadata import version

__version__ = version("outcrop")
