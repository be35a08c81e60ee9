"""The panel in 3D Slicer, one file per section, and the logic that it shares with scripts.

A section is a class that fills and reads some widgets of the ``.ui`` file. Choices for the scene are kept in the parameter
node, choices for the computer in the application's settings; a section itself keeps nothing that would have to be restored.
"""
