"""``python -m SpinalDiseaseAILib`` is the command ``spinal-disease-ai``."""

from .cli.main import main

if __name__ == "__main__":
    main()
