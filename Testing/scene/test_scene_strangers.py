"""Untrusted scene files write only into the temporary folder, and show no other files of this computer."""

import stat
import tempfile
import zipfile

import pytest
from scene_examples import make_report, make_study

from SpinalDiseaseAILib.base.errors import InputError
from SpinalDiseaseAILib.scene import archive
from SpinalDiseaseAILib.scene.mrb import read_scene, write_scene
from SpinalDiseaseAILib.scene.results import reportFromNode, resultsInScene

SCENE = """<?xml version="1.0" encoding="UTF-8"?>
{entity}<MRML version="Slicer4.4.0" userTags="">
<TextStorage id="vtkMRMLTextStorageNode1" name="s" {attribute}="{file}"/>
<Text id="vtkMRMLTextNode1" name="T" storageNodeRef="vtkMRMLTextStorageNode1"
 references="storage:vtkMRMLTextStorageNode1;"/>
</MRML>"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def secret(tmp_path):
    """A private file of the user."""
    path = tmp_path / "secret.txt"
    path.write_text("secret")
    return path


def mrb_of(path, text):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/a.mrml", text)
    return path


def test_members_whose_names_lead_out_of_the_folder_stay_within_it(tmp_path, temporary):
    path = write_scene(make_report(), make_study(), tmp_path / "scene.mrb")
    with zipfile.ZipFile(path, "a") as file:
        for name in ("../../escaped", str(tmp_path / "escaped"), "../../../escaped"):
            file.writestr(name, "escaped")
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, str(tmp_path))
    scene = read_scene(path)
    (result,) = resultsInScene(scene)
    assert reportFromNode(result.reportNode) == make_report()
    assert not list(tmp_path.rglob("escaped")) and list(temporary.iterdir()) == []


@pytest.mark.parametrize("attribute", ["fileName", "fileListMember0"])
@pytest.mark.parametrize("spelt", ["{0}", "../../../{1}", "%2e%2e/../../{1}", "&#46;&#46;/../../{1}", "//host/share/{1}"])
def test_a_scene_that_names_another_file_is_refused(tmp_path, temporary, secret, attribute, spelt):
    text = SCENE.format(entity="", attribute=attribute, file=spelt.format(secret, secret.name))
    path = mrb_of(tmp_path / "a.mrb", text)
    (temporary / "secret.txt").write_text("secret")  # three folders up from the description
    with pytest.raises(InputError, match="names files outside of it"):
        read_scene(path)


def test_a_scene_may_name_a_file_of_another_computer_that_is_not_there(tmp_path, temporary):
    text = SCENE.format(entity="", attribute="fileName", file="C:/Users/somebody/colours.txt")
    assert archive.unpackScene(mrb_of(tmp_path / "a.mrb", text), temporary / "scene").name == "a.mrml"


def test_entities_that_expand_to_gigabytes_are_refused(tmp_path, temporary):
    entity = '<!DOCTYPE MRML [<!ENTITY a "aaaaaaaaaa">]>'
    with pytest.raises(InputError, match="cannot be read"):
        read_scene(mrb_of(tmp_path / "a.mrb", SCENE.format(entity=entity, attribute="fileName", file="&a;")))


def test_a_scene_that_would_unpack_to_too_much_is_refused_before_unpacking(tmp_path, temporary, monkeypatch):
    path = write_scene(make_report(), make_study(), tmp_path / "scene.mrb")
    monkeypatch.setattr(archive, "MAXIMUM_UNPACKED_BYTES", 1000)
    with pytest.raises(InputError, match="holds more than"):
        read_scene(path)
    assert list(temporary.iterdir()) == []
