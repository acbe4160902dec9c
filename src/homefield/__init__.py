"""Homefield turns the records a company already has into AI applications it owns."""

from __future__ import annotations

__version__ = "0.1.0"
