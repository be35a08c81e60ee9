"""``python -m SpinalDiseaseAILib.scene``: write one scene file; its report, study and path come pickled on standard input.

Exit status: 0 if written, that of an ``OutputError`` if the file cannot be written, another for any other failure.
"""

from __future__ import annotations

import pickle
import sys

from ..base.errors import OutputError
from .mrb import write_scene


def main() -> None:
    """Write the scene that the parent process sends; nothing if that ends without sending one."""
    try:
        report, study, path = pickle.load(sys.stdin.buffer)
    except EOFError:
        sys.exit(1)
    try:
        write_scene(report, study, path)
    except OutputError as error:
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
