"""Output of a failed command: a sentence, an exit status, and JSON for a program that asked for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer

from ..base.errors import Cancelled, ComputeError, SpinalDiseaseAIError
from ..worker.failures import UNEXPECTED, error_of_exception
from .output import print_error, print_json

TRACEBACK_VARIABLE = "SPINAL_DISEASE_AI_TRACEBACK"
"""If this environment variable is set, an unexpected error ends with Python's traceback."""


@contextmanager
def reported(*, as_json: bool = False) -> Iterator[None]:
    """Turn errors in the ``with`` block into a sentence on standard error and the exit status of their kind.

    :param as_json: also write the error as a JSON document to standard output.
    :raises typer.Exit: instead of every error.
    """
    try:
        yield
    except (typer.Exit, typer.Abort, BrokenPipeError):
        raise
    except KeyboardInterrupt:
        _end(Cancelled(), as_json)
    except SpinalDiseaseAIError as error:
        _end(error, as_json)
    except Exception as error:
        known = error_of_exception(error)
        if known.code != UNEXPECTED:
            _end(known, as_json)
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        _end(
            ComputeError(
                # Without its own text, which may quote a header with the patient's name.
                f"The program failed unexpectedly ({type(error).__name__}).",
                remedy=f"Please report this; set {TRACEBACK_VARIABLE}=1 to see where it happened.",
                code=UNEXPECTED,
            ),
            as_json,
        )


def error_document(error: SpinalDiseaseAIError) -> dict[str, Any]:
    """An error as JSON values."""
    return {"code": error.code, "found": error.found, "expected": error.expected, "remedy": error.remedy}


def _end(error: SpinalDiseaseAIError, as_json: bool) -> NoReturn:
    if as_json:
        print_json({"error": error_document(error)})
    print_error(error)
    raise typer.Exit(error.exit_status)
