"""``python -m SpinalDiseaseAILib`` is the command ``spinal-disease-ai``."""

import os
import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is still being loaded ends it without a traceback too."""
    try:
        from .cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    # ``-m`` puts the current folder first. It may hold anything, a file named torch.py too: it is not searched for modules.
    if sys.path[0] in ("", os.getcwd()) and not sys.flags.safe_path:
        del sys.path[0]
    main()
