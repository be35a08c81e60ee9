"""MRML nodes to a study, a report to MRML nodes: the part of the library that knows 3D Slicer.

It runs in the application and, with the ``slicer-core`` package, without it. Every function takes the scene, or the nodes that
are in it.
"""
