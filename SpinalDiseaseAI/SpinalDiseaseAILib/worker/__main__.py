"""``python -m SpinalDiseaseAILib.worker``: check this Python, then serve the analyser on standard input and output."""

from __future__ import annotations

import importlib.util
import sys

from .protocol import MINIMUM_PYTHON, encode, hello

REQUIRED_PACKAGES = ("numpy", "torch", "safetensors")


def main() -> int:
    """Serve until the client is done.

    :returns: exit status; if it is not 0, the handshake told the client why.
    """
    missing = [name for name in REQUIRED_PACKAGES if importlib.util.find_spec(name) is None]
    if missing or sys.version_info < MINIMUM_PYTHON:
        sys.stdout.buffer.write(encode(hello(missing)))
        return 1
    # Imported only after the check, because they need these packages and this version of Python.
    from ..base.process_memory import keep_freed_memory
    from .server import AnalyserLike, serve

    def make_analyser() -> AnalyserLike:
        from ..pipelines.analyser import Analyser

        return Analyser()

    keep_freed_memory()
    return serve(make_analyser)


if __name__ == "__main__":
    sys.exit(main())
