"""The exception that states why a measurement cannot be taken."""

from __future__ import annotations


class NotMeasurable(Exception):
    """A measurement that cannot be taken; its text is the reason, a sentence for a reader. It never leaves this package."""
