"""The loop over a DICOM database from the user guide, run unchanged."""

import re
import sys
import types
from pathlib import Path

import pytest
import slicer
from panel_helpers import sample_loader
from standins import widgets
from standins.python_qt import wrap

from SpinalDiseaseAILib.base.locations import sample_folder
from SpinalDiseaseAILib.reading import open_study

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "user-guide.md"
FILES = sorted((sample_folder() / "lumbar-mr").iterdir())


def loop():
    text = GUIDE.read_text(encoding="utf-8").split("### Every study of the DICOM database")[1]
    return re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)


@pytest.fixture
def database(errors, monkeypatch, scene, tmp_path):
    """A database with the sample, and a study whose files are gone."""
    uid = open_study([sample_folder()]).primary.uid
    common = {"patient": "Doe^Jane", "date": "20240102", "description": "MR"}
    studies = [
        {**common, "uid": "1.1", "series": {"7.7": ("MR", [tmp_path / "gone.dcm"])}},
        {**common, "uid": "1.2", "series": {uid: ("MR", FILES)}},
    ]
    monkeypatch.setattr(slicer, "dicomDatabase", wrap(widgets.ctkDICOMDatabase(studies=studies)), raising=False)
    loaded = []
    utilities = types.SimpleNamespace(loadSeriesByUID=sample_loader(scene, loaded))
    monkeypatch.setitem(sys.modules, "DICOMLib", types.SimpleNamespace(DICOMUtils=utilities))
    return loaded


def test_every_study_is_analysed_and_written_only_once(module, database, client_of, monkeypatch, tmp_path, capsys):
    class Logic(module.SpinalDiseaseAILogic):
        def __init__(self):
            super().__init__(client=client_of("report"))

    monkeypatch.setattr(module, "SpinalDiseaseAILogic", Logic)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for _ in range(2):
        exec(compile(loop(), "user guide", "exec"), {"slicer": slicer})
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "written" in line] == ["1.2 written"]
    assert lines[0].startswith("1.1 The files of this study are not where the DICOM database says.")
    assert (tmp_path / "lumbar results/1.2/report.html").is_file() and not (tmp_path / "lumbar results/1.1").exists()
    assert len(database) == 1, "loaded once"
    assert "Doe" not in "\n".join(lines) + " ".join(str(path) for path in tmp_path.rglob("*"))
