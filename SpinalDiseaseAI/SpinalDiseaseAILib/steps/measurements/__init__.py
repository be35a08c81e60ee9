"""Measurements in millimetres, degrees and ratios from masks. ``docs/measurements.md`` defines each."""
