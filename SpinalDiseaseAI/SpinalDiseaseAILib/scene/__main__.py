"""``python -m SpinalDiseaseAILib.scene``: write one scene file; its report, study and path come pickled on standard input."""

from __future__ import annotations

import pickle
import sys

from .mrb import write_scene


def main() -> None:
    """Write the scene that the process which started this one sends; nothing if it ends without sending one."""
    try:
        report, study, path = pickle.load(sys.stdin.buffer)
    except EOFError:
        sys.exit(1)
    write_scene(report, study, path)


if __name__ == "__main__":
    main()
