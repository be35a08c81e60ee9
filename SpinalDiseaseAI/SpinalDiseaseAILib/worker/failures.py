"""Exceptions of an analysis as sentences for a user. They are recognised by name, without importing their libraries."""

from __future__ import annotations

from ..base.errors import ComputeError, SpinalDiseaseAIError

UNEXPECTED = "unexpected"
"""Code of the error for an unknown exception."""

_TORCH_REMEDY = "Install PyTorch: in Slicer with the PyTorch extension, elsewhere with pip install torch."
_MEMORY_NEEDED = "An analysis needs about 1.5 GB of free memory."
_GPU_REMEDY = "Close other programs that use the GPU, or choose the device cpu."

# Exit statuses as unsigned 32-bit numbers: a negated signal on POSIX, an NTSTATUS on Windows.
_KILLED = {-9 & 0xFFFFFFFF, 0xC0000017, 0xC000012D}  # SIGKILL; no memory, commit limit
_CRASHED = {number & 0xFFFFFFFF for number in (-4, -6, -7, -8, -10, -11)} | {
    0xC0000005,  # access violation
    0xC000001D,  # illegal instruction
    0xC00000FD,  # stack overflow
    0xC0000374,  # heap corruption
    0xC0000409,  # abort
}
_NO_MEMORY = {8, 14, 1450, 1455}  # Windows error codes; torch's libraries cause the last, if the paging file is small


def error_of_exception(exception: Exception) -> SpinalDiseaseAIError:
    """The error shown to a user for an exception.

    The message of an unknown exception is left out, because it may quote the input. It is in the log.

    :param exception: any exception raised by an analysis.
    :returns: the exception itself if its message is already written for a user.
    """
    if isinstance(exception, SpinalDiseaseAIError):
        return exception
    text = str(exception).lower()
    # torch raises its own class on CUDA, and a plain RuntimeError on MPS and, with another text, on the CPU.
    if isinstance(exception, RuntimeError) and ("out of memory" in text or type(exception).__name__ == "OutOfMemoryError"):
        return ComputeError("The GPU ran out of memory.", remedy=_GPU_REMEDY, code="gpu-out-of-memory")
    torch_allocation = isinstance(exception, RuntimeError) and ("allocate memory" in text or "not enough memory" in text)
    # Linux reports a library that does not fit into memory by this text, Windows by a code with a localized text.
    library_allocation = isinstance(exception, ImportError | OSError) and (
        "failed to map segment" in text or getattr(exception, "winerror", None) in _NO_MEMORY
    )
    if isinstance(exception, MemoryError) or torch_allocation or library_allocation:
        return ComputeError(
            "The computer ran out of memory.",
            _MEMORY_NEEDED,
            "Close other programs and analyze again.",
            code="out-of-memory",
        )
    if isinstance(exception, ModuleNotFoundError) and exception.name:
        return error_of_missing_packages((exception.name.partition(".")[0],), "the worker's Python")
    # If a compiled part of torch lacks a system library, torch is not mentioned: "DLL load failed while importing _C".
    if isinstance(exception, ImportError | OSError) and ("torch" in text or "dll load failed while importing _c:" in text):
        return ComputeError("PyTorch is installed but cannot be loaded.", remedy=_TORCH_REMEDY, code="torch-broken")
    return ComputeError(
        f"The analysis failed unexpectedly ({type(exception).__name__}).",
        remedy="The log has the details; please report them.",
        code=UNEXPECTED,
    )


def error_of_missing_packages(missing: tuple[str, ...], where: str) -> ComputeError:
    """The error shown to a user if packages are not installed.

    :param missing: import names, at least one.
    :param where: the Python that lacks them.
    """
    if "torch" in missing:
        return ComputeError(f"PyTorch is not installed in {where}.", remedy=_TORCH_REMEDY, code="no-torch")
    return ComputeError(
        f"{', '.join(missing)} is not installed in {where}.",
        remedy=f"Install it with pip install {' '.join(missing)}.",
        code="missing-package",
    )


def error_of_exit(status: int | None, python: str, *, ready: bool, last_line: str = "") -> ComputeError:
    """The error shown to a user if the worker's process has ended by itself.

    :param status: exit status as given by :class:`subprocess.Popen`: the negated signal on POSIX, an NTSTATUS on Windows.
        None if the process closed its output but did not end.
    :param python: the executable that was started.
    :param ready: True if the worker had answered before.
    :param last_line: last line that the process logged; shown only if the worker never answered.
    """
    if status is not None and 128 < status <= 128 + 64:
        status = 128 - status  # how a shell or a launcher reports the signal of its child
    if status is not None and status & 0xFFFFFFFF in _KILLED:
        return ComputeError(
            "The analysis process was killed, usually because the computer ran out of memory.",
            _MEMORY_NEEDED,
            "Close other programs and analyze again.",
            code="worker-killed",
        )
    if status is not None and status & 0xFFFFFFFF in _CRASHED:
        return ComputeError(
            "The analysis process crashed.",
            remedy="Analyze again; if it crashes again, choose the device cpu.",
            code="worker-crashed",
        )
    ending = "without an exit status" if status is None else f"exit status {status}"
    if not ready:
        return ComputeError(
            f"{python} could not start the analysis process ({ending}){': ' + last_line if last_line else ''}.",
            "A Python of version 3.11 or later is needed.",
            "Choose another Python for the analysis.",
            code="wrong-python",
        )
    return ComputeError(
        f"The analysis process ended unexpectedly ({ending}).",
        remedy="Analyze again: a new analysis process is started.",
        code="worker-ended",
    )
