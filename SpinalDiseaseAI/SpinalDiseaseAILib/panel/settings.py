"""Choices for the computer rather than a scene, kept in the application's settings."""

from __future__ import annotations

import qt

_PREFIX = "SpinalDiseaseAI/"
DEVICE = "device"
MODELS_FOLDER = "modelsFolder"
OUTPUT_FOLDER = "outputFolder"
ADD_TO_DATABASE = "addToDatabase"
_FOUND = "deviceFound/"
_CONSENT = "consent/"


def read(name: str, default: str = "") -> str:
    """A setting as text."""
    return str(qt.QSettings().value(_PREFIX + name, default) or default)


def write(name: str, value: str) -> None:
    """Store a setting."""
    qt.QSettings().setValue(_PREFIX + name, value)


def deviceFound(choice: str) -> str:
    """The device that a choice meant when it was last used; empty if it was never used."""
    return read(_FOUND + choice)


def rememberDevice(choice: str, found: str) -> None:
    """Remember the device that a choice meant."""
    write(_FOUND + choice, found)


def hasConsent(model: str, licence: str) -> bool:
    """True if the user agreed, on this computer, to use a research-only model under this licence."""
    return read(_CONSENT + model) == licence


def rememberConsent(model: str, licence: str) -> None:
    """Remember that the user agreed; a different licence needs new consent."""
    write(_CONSENT + model, licence)
