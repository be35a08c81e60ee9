"""Every study in folders and archives, for an analysis of all of them.

Only a few elements of each header are read, and of each file only its path is kept, so that archives of millions of files can be
searched.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ..base.errors import InputError
from ..base.study import Role
from .gathering import gathered, is_archive, not_there, walked
from .identity import NoImageError, read_identity
from .slices import StudyKey
from .values import silent_pydicom
from .volumes import is_picture, is_volume, role_of_name

_WEIGHTING = re.compile(r"(?:^|[^a-z0-9])t[12]w?(?![a-z0-9])")


@dataclass(frozen=True)
class FoundStudy:
    """One study.

    :param name: a name for a folder, such as ``"study-0a1b2c3d4e5f"``: the same whenever this study is found, and without
        anything that identifies the patient.
    :param paths: files and ZIP archives that hold it; they may hold other studies too.
    :param key: the study among them; None if it is not DICOM.
    :param source: the folder of its DICOM files, or its other files, starting with the name of the given path.
    :param files: number of its files.
    :param fingerprint: changes when files are added, removed, resized or, if they are not DICOM, written again.
    """

    name: str
    paths: tuple[str, ...]
    key: StudyKey | None
    source: str
    files: int
    fingerprint: str


@dataclass(frozen=True)
class FoundStudies:
    """The studies of an input, and what else was there.

    :param studies: sorted by source.
    :param unreadable: number of files and folders that are damaged or cannot be opened.
    :param links: number of links that were not followed.
    :param others: number of other files.
    """

    studies: tuple[FoundStudy, ...]
    unreadable: int
    links: int
    others: int


@dataclass
class _Group:
    """Files of one study while the search goes on. The sum of digests does not depend on the order of files."""

    key: StudyKey | None
    paths: dict[str, None] = field(default_factory=dict)
    sources: dict[str, None] = field(default_factory=dict)
    files: int = 0
    digests: int = 0

    def add(self, path: Path, identity: str) -> None:
        self.paths[str(path)] = None
        self.files += 1
        self.digests += int.from_bytes(hashlib.sha256(identity.encode("utf-8", "replace")).digest(), "big")


class _Search:
    def __init__(self, on_file: Callable[[int], None]) -> None:
        self.groups: dict[object, _Group] = {}
        self.unreadable = self.links = self.others = self.files = 0
        self._on_file = on_file

    def search(self, root: Path, leave_out: Callable[[Path], bool]) -> None:
        """Search a folder, an archive or a file."""
        base = Path(os.path.abspath(root)).parent
        closed: list[Path] = []
        links: list[Path] = []
        if os.path.isdir(root):
            files = walked(root, closed, links)
        elif os.path.isfile(root):
            files = iter([root])
        else:
            raise not_there(root)
        volumes: list[Path] = []
        pictures: list[Path] = []
        dicom = 0
        for path in files:
            if path != root and leave_out(path):
                continue
            if (path == root or path.suffix.lower() == ".zip") and is_archive(path):
                self._search_archive(path, base)
            elif is_volume(path):
                volumes.append(path)
            elif is_picture(path):
                pictures.append(path)
            else:
                dicom += self._add_dicom(path, path, _source(path.parent, base))
        self.unreadable += len(closed)
        self.links += len(links)
        used = [] if dicom else volumes or pictures
        self.others += len(volumes) + len(pictures) - len(used)
        for pair in _pairs(used):
            self._add_volumes(pair, base)

    def _search_archive(self, archive: Path, base: Path) -> None:
        dicom = 0
        try:
            with gathered([archive]) as inside:
                for path in inside.files:
                    if not is_volume(path) and not is_picture(path):
                        dicom += self._add_dicom(path, archive, _source(archive, base))
        except InputError:  # reported for this archive alone, when its study is opened
            pass
        if not dicom:
            self._add_volumes((archive,), base)

    def _add_dicom(self, path: Path, holder: Path, source: str) -> bool:
        """Add a file to the group of its study if it is a DICOM image.

        :param holder: the file itself, or the archive that it is in.
        """
        self.files += 1
        self._on_file(self.files)
        try:
            identity = read_identity(path)
            size = path.stat().st_size
        except NoImageError:
            self.others += 1
            return False
        except Exception:  # a damaged header can raise anything
            self.unreadable += 1
            return False
        name = identity.key if identity.key.uid else (identity.key, source)
        group = self.groups.setdefault(name, _Group(identity.key))
        group.add(holder, f"{identity.sop_uid}:{size}")
        group.sources[source] = None
        return True

    def _add_volumes(self, paths: tuple[Path, ...], base: Path) -> None:
        sources = [_source(path, base) for path in paths]
        if sources[0] in self.groups:
            raise InputError(
                f"Two different files are called {sources[0]}, below two of the given paths.",
                "Files that are not DICOM are recognized by their path.",
                "Give a folder that contains both, or start with one of them.",
                code="same-path",
            )
        group = self.groups[sources[0]] = _Group(None)
        for path, source in zip(paths, sources, strict=True):
            self.files += 1
            self._on_file(self.files)
            found = path.stat()
            group.add(path, f"{source}:{found.st_size}:{found.st_mtime_ns}")
            group.sources[source] = None


def find_studies(
    paths: Sequence[Path],
    *,
    leave_out: Callable[[Path], bool] = lambda path: False,
    on_file: Callable[[int], None] = lambda count: None,
) -> FoundStudies:
    """Every study in folders, ZIP archives and files, whether it can be analysed or not.

    DICOM files are grouped by patient and StudyInstanceUID wherever they lie. Below a path without DICOM images, every volume is
    a study, or every picture if there are no volumes; files in one folder whose names differ only by the words T1 and T2 are one
    study. ZIP archives are searched too, also those named ``.zip`` inside folders.

    :param leave_out: called with every file of a folder; true for one that must be ignored.
    :param on_file: called with the number of files examined so far.
    :raises InputError: if a path does not exist, or nothing is found.
    """
    search = _Search(on_file)
    with silent_pydicom():
        for root in _roots(paths):
            search.search(root, leave_out)
    studies = sorted((_study(name, group) for name, group in search.groups.items()), key=lambda item: (item.source, item.name))
    if not studies:
        raise InputError(
            f"The input contains no images. Files examined: {search.files}; damaged or not readable: {search.unreadable}.",
            "Folders or ZIP archives with MR studies are needed.",
            "Check the path.",
            code="no-images",
        )
    return FoundStudies(tuple(studies), search.unreadable, search.links, search.others)


def _roots(paths: Sequence[Path]) -> list[Path]:
    """The paths without those that lie inside another, whose files would count twice."""
    places = {Path(os.path.abspath(path)): path for path in paths}
    return [path for place, path in places.items() if not any(other in place.parents for other in places)]


def _study(name: object, group: _Group) -> FoundStudy:
    sources = sorted(group.sources)
    identity = "\n".join(group.key) if group.key and group.key.uid else sources[0]
    return FoundStudy(
        name=f"study-{hashlib.sha256(identity.encode('utf-8', 'replace')).hexdigest()[:12]}",
        paths=tuple(sorted(group.paths)),
        key=group.key,
        source=_common(sources) if group.key else "; ".join(sources),
        files=group.files,
        fingerprint=hashlib.sha256(f"{group.files}:{group.digests}".encode()).hexdigest()[:16],
    )


@lru_cache(maxsize=1024)
def _source(path: Path, base: Path) -> str:
    return Path(os.path.abspath(path)).relative_to(base).as_posix()


def _common(sources: list[str]) -> str:
    """The folder that holds all of several sources, or the sources one by one if they have none in common."""
    if len(sources) == 1:
        return sources[0]
    return os.path.commonpath(sources).replace(os.sep, "/") or "; ".join(sources)


def _pairs(files: Iterable[Path]) -> list[tuple[Path, ...]]:
    """Files of one study each: a T2 and a T1 in one folder with otherwise equal names, else a single file."""
    groups: dict[tuple[Path, str], list[Path]] = {}
    for path in files:
        name = _WEIGHTING.sub("", path.name.lower().partition(".")[0]).strip(" -_")
        groups.setdefault((path.parent, name), []).append(path)
    pairs: list[tuple[Path, ...]] = []
    for group in groups.values():
        roles = [role_of_name(path) for path in group]
        if sorted(role.value for role in roles) == sorted(role.value for role in Role):
            pairs.append(tuple(sorted(group)))
        else:
            pairs.extend((path,) for path in group)
    return pairs
