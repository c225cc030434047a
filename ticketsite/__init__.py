"""Wiring: settings, the ways in, the API object and its errors."""

__version__ = "0.1.0"
