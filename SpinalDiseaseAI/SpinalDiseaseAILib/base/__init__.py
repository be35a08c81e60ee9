"""Anatomy, geometry, Study and Report. Numpy and the standard library only."""
