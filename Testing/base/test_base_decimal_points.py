"""Decimal points while files are written, in programs with decimal commas."""

from __future__ import annotations

import locale
import threading

import pytest

from SpinalDiseaseAILib.base.decimal_points import decimal_points


class Locale:
    """Stands in for the locale of a German program."""

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


def test_numbers_have_points_in_the_block_and_commas_again_after_it(german: Locale) -> None:
    with decimal_points():
        assert german.numbers == "C"
    assert german.numbers == "de_DE.UTF-8"


def test_an_error_in_the_block_restores_the_commas_of_the_program(german: Locale) -> None:
    with pytest.raises(OSError, match="full"), decimal_points():
        raise OSError("the disk is full")
    assert german.numbers == "de_DE.UTF-8"


def test_the_last_of_two_threads_restores_the_commas(german: Locale) -> None:
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
