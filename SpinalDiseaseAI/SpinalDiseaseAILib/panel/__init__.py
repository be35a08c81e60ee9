"""The panel in 3D Slicer, a section of it a file; and the logic that it shares with scripts.

A section is a class that fills and reads some widgets of the ``.ui`` file. What belongs to the scene is kept in the parameter
node, what belongs to the computer in the application's settings; a section itself keeps nothing that must be restored.
"""
