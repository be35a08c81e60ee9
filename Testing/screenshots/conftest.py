import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scene"))

_PROBE = (
    "import slice_view, vtk; w = vtk.vtkRenderWindow(); w.SetOffScreenRendering(1); w.Render(); print(w.ReportCapabilities())"
)


@pytest.fixture(scope="session")
def graphics():
    """Skips tests if the computer cannot render off screen, because VTK would abort the process."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    result = subprocess.run([sys.executable, "-c", _PROBE], env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0 or "OpenGL" not in result.stdout:
        pytest.skip(f"VTK cannot draw off screen here: {result.stderr.strip()[-300:]}")
