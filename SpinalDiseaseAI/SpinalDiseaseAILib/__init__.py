"""SpinalDiseaseAI library: a study goes in, a report comes out, and everything else is a surface.

The floors, top to bottom, are ``SpinalDiseaseAI.py``, ``panel`` and ``cli``, then ``scene``, ``reading`` and ``writing``, then
``worker``, ``pipelines``, ``steps``, ``models`` and ``base``. A floor imports only floors below it; ``Testing`` holds them to it.
"""

__version__ = "0.1.0"
