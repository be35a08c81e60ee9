"""The files of an input: folders walked, ZIP archives unpacked into a temporary folder that is removed again."""

from __future__ import annotations

import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..base.errors import InputError

MAXIMUM_UNPACKED_BYTES = 8 * 2**30
MAXIMUM_MEMBERS = 200_000
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Gathered:
    """Files of an input, in a fixed order.

    :param files: every regular file, once each.
    :param named: True if the user named each file; False if some come from a folder or an archive.
    """

    files: tuple[Path, ...]
    named: bool


@contextmanager
def gathered(paths: Sequence[Path]) -> Iterator[Gathered]:
    """The files that paths lead to; those of an archive exist until the block ends.

    :param paths: files, folders and ZIP archives. A ZIP archive inside a folder is not opened.
    :raises InputError: if a path does not exist, nothing is there, or an archive is damaged, encrypted or too large.
    """
    with tempfile.TemporaryDirectory(prefix="spinal-disease-ai-") as temporary:
        files: dict[Path, None] = {}
        named = True
        for number, path in enumerate(paths):
            if path.is_dir():
                named = False
                files.update(dict.fromkeys(_walk(path)))
            elif path.is_file() and _is_archive(path):
                named = False
                files.update(dict.fromkeys(_unpack(path, Path(temporary) / str(number))))
            elif path.is_file():
                files[path] = None
            else:
                raise InputError(
                    f"There is no file or folder {path}.",
                    remedy="Check the path; put it in quotation marks if it holds spaces.",
                    code="missing-path",
                )
        if not files:
            raise InputError(
                "The folder is empty." if paths else "No file or folder was given.",
                "A folder, ZIP archive or list of files of a lumbar spine MR study is needed.",
                code="empty-folder",
            )
        yield Gathered(tuple(files), named)


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file() and not name.startswith("."):
                yield path


def _is_archive(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except OSError:  # a file that may not be opened is reported where files are read
        return False


def _unpack(archive: Path, folder: Path) -> Iterator[Path]:
    """Members written under names of our own making, so that no name in the archive leads out of the folder."""
    left = MAXIMUM_UNPACKED_BYTES
    try:
        with zipfile.ZipFile(archive) as source:
            members = [member for member in source.infolist() if not member.is_dir()]
            if len(members) > MAXIMUM_MEMBERS or sum(member.file_size for member in members) > left:
                raise _too_large()
            for number, member in enumerate(members):
                target = folder / str(number) / _file_name(member.filename)
                target.parent.mkdir(parents=True)
                with source.open(member) as packed, target.open("wb") as unpacked:
                    while chunk := packed.read(_CHUNK):
                        left -= len(chunk)
                        if left < 0:  # a member may hold more than the archive's directory states
                            raise _too_large()
                        unpacked.write(chunk)
                if not target.name.startswith("."):
                    yield target
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        encrypted = "encrypted" in str(error) or "password" in str(error)
        raise InputError(
            f"The ZIP archive {archive.name} " + ("is encrypted." if encrypted else "is damaged and cannot be unpacked."),
            remedy="Unpack it yourself and give the folder." if encrypted else "Copy or export it again.",
            code="bad-archive",
        ) from error
    except OSError as error:
        raise InputError(
            f"The ZIP archive {archive.name} cannot be unpacked into the temporary folder: {error.strerror}.",
            remedy="Make room there, or unpack it yourself and give the folder.",
            code="unpacking",
        ) from error


def _file_name(member: str) -> str:
    name = PurePosixPath(member.replace("\\", "/")).name[-80:]
    return "file" if name in ("", "..") else re.sub(r'[<>:"|?*\x00-\x1f]', "_", name)


def _too_large() -> InputError:
    return InputError(
        f"The ZIP archive holds more than {MAXIMUM_UNPACKED_BYTES // 2**30} GB or {MAXIMUM_MEMBERS} files.",
        "An archive of one patient's study is needed.",
        "Unpack it yourself and give the folder of one study.",
        code="archive-too-large",
    )
