"""The archives that Slicer's Extensions Manager installs with *Install from file*, made from the tree without a build of Slicer.

Run as a program it writes one archive a version of Slicer and platform:

    python Testing/packaging/extension_archive.py out/package
    python Testing/packaging/extension_archive.py out/package --slicer 5.13 --platform macosx-arm64 --revision 34712

Slicer's requirements for an archive (``qSlicerExtensionsManagerModel::installExtension`` and ``extractExtensionArchive``):

* one top folder with any name;
* a description ``share/Slicer-<version>/<extension>.s4ext``, named after the extension;
* modules in ``lib/Slicer-<version>/qt-scripted-modules``;
* on macOS, all of it in ``Slicer.app/Contents/Extensions-<revision>/<extension>``, with the revision of the installing Slicer.

Slicer ignores the name of the archive, which is the one that CPack would give. The top folder's name is short, because paths on
Windows are limited to 260 characters. There is no compiled code, so archives for two architectures differ only in their names.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from package_lists import LISTS, MODULE, ROOT, files_of_lists, files_of_tree

SLICER_REVISIONS = {"5.10": "34045", "5.12": "34645", "5.13": ""}
"""Version of Slicer to the revision of its latest release; previews have a new one every day."""

PLATFORMS = ("linux-amd64", "win-amd64", "macosx-amd64", "macosx-arm64")
"""Platforms for which Slicer is released."""

_TOP_FOLDER = "SDAI"
_LICENSE = "LICENSE.txt"
_EARLIEST_DATE = (1980, 1, 1, 0, 0, 0)
"""ZIP archives cannot store earlier dates."""


class PackagingError(Exception):
    """An archive that cannot be written; the text says why and what to do."""


@dataclass(frozen=True)
class Source:
    """Origin of the packaged files, for the description and the archive's name."""

    scm: str
    """``git``, or ``local`` for a tree without history."""
    revision: str
    """Abbreviated commit, with ``-dirty`` if packaged files differ from it; without git, the version of the library."""
    seconds: int
    """Time of the commit, or ``SOURCE_DATE_EPOCH``, or 0, used for every file in an archive. Seconds since 1970 UTC."""

    @property
    def name(self) -> str:
        """The origin in an archive's name, with the day of the commit (UTC) if there is one."""
        day = time.strftime("-%Y-%m-%d", time.gmtime(self.seconds)) if self.seconds else ""
        return f"{self.scm}{self.revision}{day}"


def source_of(root: Path = ROOT) -> Source:
    """Commit, or version, of a tree."""
    stated = os.environ.get("SOURCE_DATE_EPOCH", "")
    revision = _git(root, "rev-parse", "--short=7", "HEAD")
    if revision:
        packaged = ["CMakeLists.txt", f"{MODULE}.json", _LICENSE, MODULE, "Resources"]
        changed = _git(root, "status", "--porcelain", "--untracked-files=all", "--", *packaged)
        seconds = stated or _git(root, "show", "-s", "--format=%ct", "HEAD")
        return Source("git", revision + ("-dirty" if changed else ""), int(seconds))
    text = (root / MODULE / f"{MODULE}Lib/__init__.py").read_text(encoding="utf-8")
    version = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    if version is None:
        raise PackagingError(f"{MODULE}Lib/__init__.py states no __version__; it should, in a line of its own.")
    return Source("local", version[1], int(stated or 0))


def _git(root: Path, *arguments: str) -> str:
    """Output of git; empty if the folder is not the root of a repository, or git is missing."""
    if not (root / ".git").exists():
        return ""
    try:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def packaged_files(root: Path = ROOT) -> dict[str, Path]:
    """Path in Slicer's folder of scripted modules to the file of the tree that goes there, according to the CMake lists.

    :raises PackagingError: if the lists and the tree do not name the same files.
    """
    listed, present = files_of_lists(root), files_of_tree(root)
    for name, cmake_file in LISTS.items():
        gone, new = sorted(set(listed[name]) - set(present[name])), sorted(set(present[name]) - set(listed[name]))
        if gone:
            raise PackagingError(f"{cmake_file} lists {gone[0]}, which does not exist. Restore it, or run `make package-lists`.")
        if new:
            raise PackagingError(f"{cmake_file} does not list {new[0]}. Run `make package-lists` to add it, or remove the file.")
    module = {name: root / MODULE / name for name in (*listed["MODULE_PYTHON_SCRIPTS"], *listed["MODULE_PYTHON_RESOURCES"])}
    resources = {f"{MODULE}Lib/Resources/{name}": root / "Resources" / name for name in listed["EXTENSION_RESOURCE_FILES"]}
    if not (root / _LICENSE).is_file():
        raise PackagingError(f"There is no {_LICENSE}, which every package has to carry. Restore it.")
    return {**module, **resources, f"{MODULE}Lib/{_LICENSE}": root / _LICENSE}


def description(source: Source, root: Path = ROOT) -> str:
    """The extension's ``.s4ext``, with a key and value per line, from the root's CMake file and the Extensions Index entry.

    :raises PackagingError: if the CMake file lacks one of the values.
    """
    text = (root / "CMakeLists.txt").read_text(encoding="utf-8")
    stated = dict(re.findall(r'(?m)^set\(EXTENSION_(\w+) "(.+)"\)$', text))
    entry = json.loads((root / f"{MODULE}.json").read_text(encoding="utf-8"))
    try:
        values = {
            "scm": source.scm,
            "scmurl": entry["scm_url"],
            "scmrevision": source.revision,
            "depends": stated["DEPENDS"],
            "build_subdirectory": entry["build_subdirectory"],
            "homepage": stated["HOMEPAGE"],
            "contributors": stated["CONTRIBUTORS"],
            "category": entry["category"],
            "iconurl": stated["ICONURL"],
            "status": "",
            "description": stated["DESCRIPTION"],
            "screenshoturls": stated["SCREENSHOTURLS"],
            "enabled": "1",
        }
    except KeyError as missing:
        raise PackagingError(f"CMakeLists.txt or {MODULE}.json does not state {missing}; the description needs it.") from None
    return "".join(f"{key} {value}".rstrip() + "\n" for key, value in values.items())


def write_archive(folder: Path, slicer: str, platform: str, revision: str, source: Source, root: Path = ROOT) -> Path:
    """Write the archive for one Slicer on one platform: ZIP for Windows, otherwise TAR compressed with gzip.

    The same tree gives the same bytes: files are sorted, and have the time of the commit, no owner and fixed permissions.

    :param folder: folder for the archive; created if absent.
    :param slicer: version of Slicer, such as 5.12.
    :param platform: system and architecture, in CPack's spelling: linux-amd64, macosx-arm64.
    :param revision: Slicer's revision, the number in *Help > About*; may be empty except for macOS.
    :raises PackagingError: if a file is missing or not listed, or macOS is requested without a revision.
    """
    system = platform.partition("-")[0]
    if system == "macosx" and not revision:
        raise PackagingError(
            f"An archive for macOS holds the revision of Slicer in the name of a folder, and that of {slicer} is not known: a "
            "preview has another one every day. State the number that Help > About shows: "
            f"make package SLICER={slicer} PLATFORM={platform} REVISION=<number>"
        )
    top = f"{_TOP_FOLDER}/Slicer.app/Contents/Extensions-{revision}/{MODULE}" if system == "macosx" else _TOP_FOLDER
    entries = {
        f"{top}/lib/Slicer-{slicer}/qt-scripted-modules/{name}": path.read_bytes() for name, path in packaged_files(root).items()
    }
    entries[f"{top}/share/Slicer-{slicer}/{MODULE}.s4ext"] = description(source, root).encode("utf-8")
    if unusual := [name for name in entries if not name.isascii()]:
        raise PackagingError(f"{unusual[0]} has a name that not every computer can write. Use ASCII letters only.")

    stem = f"{revision or slicer}-{platform}-{MODULE}-{source.name}"
    path = folder / f"Slicer-{slicer}" / (stem + (".zip" if system == "win" else ".tar.gz"))
    path.parent.mkdir(parents=True, exist_ok=True)
    write = _write_zip if system == "win" else _write_tar
    write(path, dict(sorted(entries.items())), source.seconds)
    return path


def _write_tar(path: Path, entries: dict[str, bytes], seconds: int) -> None:
    with (
        path.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=seconds) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(content), seconds, 0o644
            archive.addfile(info, io.BytesIO(content))


def _write_zip(path: Path, entries: dict[str, bytes], seconds: int) -> None:
    stated = max(time.gmtime(seconds)[:6], _EARLIEST_DATE)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name, stated)
            info.create_system, info.external_attr, info.compress_type = 3, 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, content)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the requested archives and print their names; returns 2 if one could not be written."""
    parser = argparse.ArgumentParser(description="Write the archives that Slicer's Extensions Manager installs from a file.")
    parser.add_argument("folder", type=Path, help="where they are written")
    versions_text = f"versions of Slicer; {' '.join(SLICER_REVISIONS)} if not given"
    parser.add_argument("--slicer", nargs="+", metavar="VERSION", help=versions_text)
    parser.add_argument("--platform", nargs="+", metavar="SYSTEM-ARCHITECTURE", help=f"{' '.join(PLATFORMS)} if not given")
    parser.add_argument("--revision", default="", help="revision of one version of Slicer, the number in Help > About")
    options = parser.parse_args(arguments)
    versions = options.slicer or list(SLICER_REVISIONS)
    if options.revision and len(versions) != 1:
        parser.error("A revision belongs to one version of Slicer: name that version with --slicer.")
    if wrong := [name for name in options.platform or () if not re.fullmatch(r"(linux|macosx|win)-(amd64|arm64)", name)]:
        parser.error(f"{wrong[0]} is no platform of Slicer; one is linux, macosx or win, a hyphen, and amd64 or arm64.")

    try:
        source = source_of()
        for slicer in versions:
            revision = options.revision or SLICER_REVISIONS.get(slicer, "")
            for platform in options.platform or PLATFORMS:
                if options.platform is None and platform.startswith("macosx") and not revision:
                    print(f"Slicer {slicer} on {platform}: left out, its revision is not known; state one with --revision.")
                    continue
                path = write_archive(options.folder, slicer, platform, revision, source)
                print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")
    except PackagingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
