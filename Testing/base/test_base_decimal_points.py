"""Decimal points while files are written, in programs whose numbers have commas."""

from __future__ import annotations

import locale
import threading

import pytest

from SpinalDiseaseAILib.base.decimal_points import decimal_points


class Locale:
    """Stands in for that of a program whose language is German."""

    numbers = "de_DE.UTF-8"

    def set(self, category: int, name: str | None = None) -> str:
        assert category == locale.LC_NUMERIC
        if name is not None:
            self.numbers = name
        return self.numbers


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> Locale:
    program = Locale()
    monkeypatch.setattr(locale, "setlocale", program.set)
    return program


def test_numbers_have_points_in_the_block_and_commas_again_behind_it(german: Locale) -> None:
    with decimal_points():
        assert german.numbers == "C"
    assert german.numbers == "de_DE.UTF-8"


def test_an_error_in_the_block_leaves_the_program_its_commas(german: Locale) -> None:
    with pytest.raises(OSError, match="full"), decimal_points():
        raise OSError("the disk is full")
    assert german.numbers == "de_DE.UTF-8"


def test_of_two_threads_the_last_one_gives_the_commas_back(german: Locale) -> None:
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with decimal_points():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with decimal_points():
        thread.start()
        assert inside.wait(10)
    assert german.numbers == "C"
    leave.set()
    thread.join()
    assert german.numbers == "de_DE.UTF-8"
