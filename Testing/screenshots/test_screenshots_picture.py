"""Pictures of documents: their contents, and that a file changes only if there is a visible difference."""

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="pictures of widgets need Qt")

import picture
from picture import MARGIN, Picture
from PIL import Image
from PySide6 import QtWidgets


@pytest.fixture
def application(monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    return QtWidgets.QApplication.instance() or QtWidgets.QApplication([])


@pytest.fixture
def label(application):
    """A widget of 120 × 40 pixels with two texts, the second on the right."""
    widget = QtWidgets.QWidget()
    widget.resize(120, 40)
    parts = []
    for number, text in enumerate(("named", "1.5 s")):
        part = QtWidgets.QLabel(text, widget)
        part.setGeometry(60 * number, 0, 60, 40)
        parts.append(part)
    widget.parts = parts
    return widget


def test_a_picture_of_a_widget_has_its_pixels_and_the_positions_of_varying_texts(label):
    label.ensurePolished()
    label.setStyleSheet("background: rgb(10, 20, 30)")
    picture = Picture.of(label, [label.parts[1]])
    assert picture.pixels.shape == (40, 120, 3)
    np.testing.assert_array_equal(picture.pixels[-1, 0], (10, 20, 30))
    assert picture.varying == ((60, 0, 120, 40),)


def test_a_hidden_text_does_not_count_as_varying(label):
    label.parts[1].hide()
    assert Picture.of(label, [label.parts[1]]).varying == ()


def test_a_file_is_not_rewritten_if_only_varying_texts_change(label, tmp_path):
    path = tmp_path / "new" / "panel.png"
    assert Picture.of(label, [label.parts[1]]).write(path)
    before = path.read_bytes()
    label.parts[1].setText("2.5 s")
    assert not Picture.of(label, [label.parts[1]]).write(path)
    assert path.read_bytes() == before


def test_a_file_is_rewritten_if_anything_else_changes(label, tmp_path):
    path = tmp_path / "panel.png"
    Picture.of(label, [label.parts[1]]).write(path)
    label.parts[0].setText("moved")
    assert Picture.of(label, [label.parts[1]]).write(path)
    assert not Picture.of(label, [label.parts[1]]).write(path)


def test_a_picture_of_another_size_is_another_picture(tmp_path):
    path = tmp_path / "a.png"
    Picture(np.zeros((5, 6, 3), np.uint8)).write(path)
    assert Picture(np.zeros((6, 6, 3), np.uint8)).write(path)


def test_rows_below_the_last_visible_item_are_cut_off_except_for_a_margin():
    pixels = np.full((100, 8, 3), 200, np.uint8)
    pixels[30] = 0
    assert Picture(pixels).cropped().height == 31 + MARGIN


def test_a_picture_of_a_single_colour_is_not_cropped():
    assert Picture(np.zeros((50, 8, 3), np.uint8)).cropped().height == 50


def test_two_pictures_of_the_same_height_are_placed_side_by_side():
    left = Picture(np.full((4, 3, 3), 7, np.uint8), ((0, 0, 2, 2),))
    both = left.beside(np.full((4, 5, 3), 41, np.uint8))
    assert both.pixels.shape == (4, 8, 3)
    assert (both.pixels[:, :3] == 7).all()
    assert (both.pixels[:, 3:] == 40).all(), "grey values of the view are rounded to keep files small"
    assert both.varying == left.varying


def test_the_colours_of_a_panel_are_those_of_the_file(tmp_path):
    pixels = np.random.default_rng(0).choice(np.array([0, 100, 200], np.uint8), (9, 7, 3))
    path = tmp_path / "few.png"
    Picture(pixels).write(path)
    np.testing.assert_array_equal(np.asarray(Image.open(path).convert("RGB")), pixels)


def test_a_picture_of_a_file_is_scaled_reproducibly(tmp_path):
    path = tmp_path / "large.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)).save(path)
    picture = Picture.of_file(path, 40)
    assert picture.pixels.shape == (30, 40, 3)
    assert picture.write(tmp_path / "small.png")
    assert not Picture.of_file(path, 40).write(tmp_path / "small.png")


def test_a_file_that_is_too_large_for_documents_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(picture, "LARGEST_BYTES", 1000)
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    with pytest.raises(ValueError, match="1000 are the most"):
        Picture(noise).write(tmp_path / "noise.png")
    assert list(tmp_path.iterdir()) == []
