"""MRML nodes to a study, and a report to MRML nodes: the part of the library that knows 3D Slicer.

It runs in the application and, with the ``slicer-core`` package, outside it. Every function takes the scene or nodes in it.
"""
