"""The packaged files according to the tree, and reading and writing the lists of the CMake files.

Run as a program, it rewrites the lists of the CMake files.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULE = "SpinalDiseaseAI"

LISTS = {
    "MODULE_PYTHON_SCRIPTS": f"{MODULE}/CMakeLists.txt",
    "MODULE_PYTHON_RESOURCES": f"{MODULE}/CMakeLists.txt",
    "EXTENSION_RESOURCE_FILES": "Resources/CMakeLists.txt",
}
"""List to the CMake file that contains it; paths in a list are relative to that file's folder."""


def files_below(folder: Path) -> list[str]:
    """Sorted product files of a folder, relative to it, without CMake files, caches and hidden files."""
    found = []
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if path.is_file() and not hidden and path.name != "CMakeLists.txt":
            found.append("/".join(parts))
    return sorted(found)


def files_of_tree(root: Path = ROOT) -> dict[str, list[str]]:
    """The entries that each list should have."""
    module = files_below(root / MODULE)
    return {
        "MODULE_PYTHON_SCRIPTS": [name for name in module if name.endswith(".py")],
        "MODULE_PYTHON_RESOURCES": [name for name in module if not name.endswith(".py")],
        "EXTENSION_RESOURCE_FILES": files_below(root / "Resources"),
    }


def files_of_lists(root: Path = ROOT) -> dict[str, list[str]]:
    """The entries that each list has."""
    result = {}
    for name, cmake_file in LISTS.items():
        _, body, _ = split_at_list((root / cmake_file).read_text(encoding="utf-8"), name)
        result[name] = [line.strip().replace("${MODULE_NAME}", MODULE) for line in body.splitlines() if line.strip()]
    return result


def write_lists(root: Path = ROOT) -> None:
    """Rewrite every list from the tree; the rest of the CMake files does not change."""
    for name, files in files_of_tree(root).items():
        path = root / LISTS[name]
        before, _, after = split_at_list(path.read_text(encoding="utf-8"), name)
        path.write_text(before + "".join(f"  {file}\n" for file in files) + after, encoding="utf-8", newline="\n")


def split_at_list(text: str, name: str) -> tuple[str, str, str]:
    """Split a CMake text into the part before the entries of ``set(name``, the entries, and the rest.

    :raises ValueError: if the text has no such list with one entry per line.
    """
    match = re.search(rf"(?s)^(.*?\nset\({name}\n)(.*?)( *\)\n.*)$", text)
    if match is None:
        raise ValueError(f"There is no list set({name} … ) with one entry a line.")
    return match[1], match[2], match[3]


if __name__ == "__main__":
    write_lists()
