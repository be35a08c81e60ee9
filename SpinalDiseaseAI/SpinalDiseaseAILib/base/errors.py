"""Errors shown to a user: what was found, what was expected, what to do."""

from __future__ import annotations

EXIT_INPUT = 3
EXIT_MODEL = 4
EXIT_COMPUTE = 5
EXIT_OUTPUT = 6
EXIT_CANCELLED = 130


class SpinalDiseaseAIError(Exception):
    """Base class of all errors whose message is written for a user.

    :param found: a sentence that says what was found.
    :param expected: a sentence that says what was expected, if ``found`` does not make it obvious.
    :param remedy: a sentence that says what to do.
    :param code: short, stable name of the error for programs, such as ``"no-sagittal-series"``.
    """

    exit_status = EXIT_COMPUTE
    default_code = "error"

    def __init__(self, found: str, expected: str = "", remedy: str = "", *, code: str = "") -> None:
        self.found = found
        self.expected = expected
        self.remedy = remedy
        self.code = code or self.default_code
        super().__init__(" ".join(part for part in (found, expected, remedy) if part))


class InputError(SpinalDiseaseAIError):
    """The images, or a file that holds them, cannot be used."""

    exit_status = EXIT_INPUT
    default_code = "input"


class SchemaError(InputError):
    """A JSON document is not a valid study or report."""

    default_code = "schema"


class ModelError(SpinalDiseaseAIError):
    """A model bundle is missing, was altered, or does not suit the pipeline."""

    exit_status = EXIT_MODEL
    default_code = "model"


class ComputeError(SpinalDiseaseAIError):
    """The computation could not run: no device, no torch, out of memory, worker lost."""

    default_code = "compute"


class OutputError(SpinalDiseaseAIError):
    """The results cannot be written to their destination."""

    exit_status = EXIT_OUTPUT
    default_code = "output"


class Cancelled(SpinalDiseaseAIError):
    """The user stopped the analysis."""

    exit_status = EXIT_CANCELLED
    default_code = "cancelled"

    def __init__(self) -> None:
        super().__init__("The analysis was cancelled.")
