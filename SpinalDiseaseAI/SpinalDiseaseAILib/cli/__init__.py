"""The command line: ``spinal-disease-ai``. Nothing here imports torch, or numpy, before a command needs it."""
