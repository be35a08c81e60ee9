"""The files of an input: folders are walked, ZIP archives are unpacked into a temporary folder that is removed afterwards."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..base.errors import InputError
from ..base.temporary_folders import remove_stale, temporary_folder

MAXIMUM_UNPACKED_BYTES = 8 * 2**30
MAXIMUM_MEMBERS = 200_000
_CHUNK = 1 << 20
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # names that Windows does not allow for files


@dataclass(frozen=True)
class Gathered:
    """Files of an input, in a fixed order.

    :param files: every regular file, once each.
    :param closed: folders without permission to open them.
    :param links: links to folders, which are not followed because they may form loops or lead through a whole disk, and broken
        links.
    """

    files: tuple[Path, ...]
    closed: tuple[Path, ...] = ()
    links: tuple[Path, ...] = ()


@contextmanager
def gathered(paths: Sequence[Path]) -> Iterator[Gathered]:
    """The files that paths lead to; those of an archive exist until the block ends.

    :param paths: files, folders and ZIP archives. A ZIP archive inside a folder is not opened.
    :raises InputError: if a path does not exist or cannot be opened, there are no files, or an archive is damaged, encrypted or
        too large.
    """
    remove_stale()
    with temporary_folder() as temporary:
        files: dict[Path, None] = {}
        closed: list[Path] = []
        links: list[Path] = []
        for number, path in enumerate(paths):
            if os.path.isdir(path):
                files.update(dict.fromkeys(walked(path, closed, links)))
            elif os.path.isfile(path) and is_archive(path):
                files.update(dict.fromkeys(_unpack(path, temporary / str(number))))
            elif os.path.isfile(path):
                files[path] = None
            else:
                raise not_there(path)
        if not files:
            raise _nothing(paths, closed, links)
        yield Gathered(tuple(files), tuple(closed), tuple(links))


def not_there(path: Path) -> InputError:
    """The error for a path that leads to no file or folder."""
    try:
        path.stat()
    except PermissionError:
        return InputError(
            f"There is no permission to open {path}.",
            remedy="Ask its owner for permission to read it, or copy it.",
            code="closed-path",
        )
    except (OSError, ValueError):
        pass
    return InputError(
        f"There is no file or folder {path}.",
        remedy="Check the path; put it in quotation marks if it contains spaces.",
        code="missing-path",
    )


def _nothing(paths: Sequence[Path], closed: list[Path], links: list[Path]) -> InputError:
    found = "The folder is empty." if paths else "No file or folder was given."
    remedy = ""
    if closed:
        found = f"No file can be opened; folders without read permission: {len(closed)}."
        remedy = "Ask their owner for permission to read them, or copy the study."
    elif links:
        found = f"There are no files; links to other folders, or broken links, which are not followed: {len(links)}."
        remedy = "Give the folder that the link points to."
    needed = "A folder, ZIP archive or list of files of a lumbar spine MR study is needed."
    return InputError(found, needed, remedy, code="empty-folder")


def walked(folder: Path, closed: list[Path], links: list[Path]) -> Iterator[Path]:
    """Files below a folder, in a fixed order; closed folders and links that are not followed are added to the lists."""
    for parent, folders, names in os.walk(folder, onerror=lambda error: closed.append(Path(error.filename))):
        linked = {name for name in folders if _leads_elsewhere(Path(parent, name))}
        links.extend(Path(parent, name) for name in sorted(linked))
        folders[:] = sorted(set(folders) - linked)
        for name in sorted(names):
            path = Path(parent, name)
            if os.path.isfile(path):
                if not name.startswith("."):
                    yield path
            elif path.is_symlink():
                links.append(path)


def _leads_elsewhere(folder: Path) -> bool:
    """True for a link, and for a junction on Windows, which :func:`os.walk` would follow."""
    is_junction = getattr(os.path, "isjunction", None)  # since Python 3.12
    return folder.is_symlink() or (is_junction is not None and is_junction(folder))


def is_archive(path: Path) -> bool:
    """True if a file is a ZIP archive, whatever its name."""
    try:
        with path.open("rb") as file:
            return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except OSError:  # a file that cannot be opened is reported when it is read
        return False


def _unpack(archive: Path, folder: Path) -> Iterator[Path]:
    """Write the members under safe paths, so that no name in the archive leads out of the folder.

    Members of one folder stay together, because the header of a volume may name the file of its voxels.
    """
    left = MAXIMUM_UNPACKED_BYTES
    try:
        with zipfile.ZipFile(archive) as source:
            members = [member for member in source.infolist() if not member.is_dir()]
            if len(members) > MAXIMUM_MEMBERS or sum(member.file_size for member in members) > left:
                raise _too_large()
            places: dict[str, int] = {}
            for number, member in enumerate(members):
                place = places.setdefault(member.filename.replace("\\", "/").rpartition("/")[0], number)
                target = folder / str(place) / _file_name(member.filename)
                if target.exists():  # two members may have the same name
                    target = folder / f"{place}-{number}" / target.name
                target.parent.mkdir(parents=True, exist_ok=True)
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
            remedy="Free space there, or unpack it yourself and give the folder.",
            code="unpacking",
        ) from error


def _file_name(member: str) -> str:
    name = PurePosixPath(member.replace("\\", "/")).name[-80:].rstrip(". ")  # Windows drops final dots and blanks too
    name = re.sub(r'[<>:"|?*\x00-\x1f]', "_", name)
    return f"_{name}" if _DEVICE.fullmatch(name) else name or "file"


def _too_large() -> InputError:
    return InputError(
        f"The ZIP archive holds more than {MAXIMUM_UNPACKED_BYTES // 2**30} GB or {MAXIMUM_MEMBERS} files.",
        "An archive of one patient's study is needed.",
        "Unpack it yourself and give the folder of one study.",
        code="archive-too-large",
    )
