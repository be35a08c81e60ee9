"""The files that are packaged, from the tree; and the lists of the CMake files, read and written.

Run as a program it writes the lists of the CMake files anew.
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
"""List to the CMake file that holds it; the paths in a list are relative to that file's folder."""


def files_below(folder: Path) -> list[str]:
    """Files of a folder that belong to the product, relative to it, sorted; CMake files, caches and hidden files left out."""
    found = []
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if path.is_file() and not hidden and path.name != "CMakeLists.txt":
            found.append("/".join(parts))
    return sorted(found)


def files_of_tree(root: Path = ROOT) -> dict[str, list[str]]:
    """What each list has to hold."""
    module = files_below(root / MODULE)
    return {
        "MODULE_PYTHON_SCRIPTS": [name for name in module if name.endswith(".py")],
        "MODULE_PYTHON_RESOURCES": [name for name in module if not name.endswith(".py")],
        "EXTENSION_RESOURCE_FILES": files_below(root / "Resources"),
    }


def files_of_lists(root: Path = ROOT) -> dict[str, list[str]]:
    """What each list holds."""
    result = {}
    for name, cmake_file in LISTS.items():
        _, body, _ = split_at_list((root / cmake_file).read_text(encoding="utf-8"), name)
        result[name] = [line.strip().replace("${MODULE_NAME}", MODULE) for line in body.splitlines() if line.strip()]
    return result


def write_lists(root: Path = ROOT) -> None:
    """Write every list anew from the tree; the rest of the CMake files stays as it is."""
    for name, files in files_of_tree(root).items():
        path = root / LISTS[name]
        before, _, after = split_at_list(path.read_text(encoding="utf-8"), name)
        path.write_text(before + "".join(f"  {file}\n" for file in files) + after, encoding="utf-8", newline="\n")


def split_at_list(text: str, name: str) -> tuple[str, str, str]:
    """A CMake text as what comes before the entries of ``set(name``, the entries, and the rest.

    :raises ValueError: if the text has no such list, written with one entry a line.
    """
    match = re.search(rf"(?s)^(.*?\nset\({name}\n)(.*?)( *\)\n.*)$", text)
    if match is None:
        raise ValueError(f"There is no list set({name} … ) with one entry a line.")
    return match[1], match[2], match[3]


if __name__ == "__main__":
    write_lists()
