"""The imports of Python files, parsed from their text without running them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

LIBRARY = "SpinalDiseaseAILib"
MODULE_FILE = "SpinalDiseaseAI"


@dataclass(frozen=True)
class Import:
    """One import statement's target.

    :param target: dotted name of a module, or of a module and a name in it.
    :param file_scope: True if it runs when the file is imported, False inside a function.
    """

    target: str
    line: int
    file_scope: bool

    @property
    def top(self) -> str:
        """The first part of the target."""
        return self.target.split(".")[0]


class ImportGraph:
    """Imports of every file in a folder with the module file and the library.

    :param folder: a folder like ``SpinalDiseaseAI/`` in the source tree.
    """

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, Path] = {}
        for path in [*sorted(folder.glob("*.py")), *sorted((folder / LIBRARY).rglob("*.py"))]:
            parts = list(path.relative_to(folder).with_suffix("").parts)
            if parts[-1] == "__init__":
                parts.pop()
            self.files[".".join(parts)] = path
        self.imports = {name: self._imports_of(name) for name in self.files}

    def modules_below(self, package: str) -> list[str]:
        """The package and every module in it."""
        return [name for name in self.files if name == package or name.startswith(package + ".")]

    def own_module(self, target: str) -> str | None:
        """The module of the tree to which an import target refers; None if it is not in the tree."""
        while target:
            if target in self.files:
                return target
            target = target.rpartition(".")[0]
        return None

    def loaded_by(self, name: str) -> dict[str, tuple[str, ...]]:
        """External packages that importing a module loads, each with the chain of modules that leads to it."""
        outside: dict[str, tuple[str, ...]] = {}
        seen: set[str] = set()
        waiting = [(name, (name,))]
        while waiting:
            current, chain = waiting.pop()
            if current in seen:
                continue
            seen.add(current)
            parent = current.rpartition(".")[0]
            if parent in self.files:
                waiting.append((parent, (*chain, parent)))
            for item in self.imports[current]:
                if not item.file_scope:
                    continue
                own = self.own_module(item.target)
                if own is None:
                    outside.setdefault(item.top, chain)
                else:
                    waiting.append((own, (*chain, own)))
        return outside

    def _imports_of(self, name: str) -> tuple[Import, ...]:
        path = self.files[name]
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        found: list[Import] = []
        self._collect(ast.parse(path.read_text(encoding="utf-8")), package, True, found)
        return tuple(found)

    def _collect(self, node: ast.AST, package: str, file_scope: bool, found: list[Import]) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                # Only for the type checker: it loads nothing, but still connects the files.
                for part in child.body:
                    self._collect(ast.Module([part], []), package, False, found)
                for part in child.orelse:
                    self._collect(ast.Module([part], []), package, file_scope, found)
                continue
            if isinstance(child, ast.Import):
                found += [Import(alias.name, child.lineno, file_scope) for alias in child.names]
            elif isinstance(child, ast.ImportFrom):
                base = child.module or ""
                if child.level:
                    parents = package.split(".")[: len(package.split(".")) - child.level + 1]
                    base = ".".join([*parents, *([base] if base else [])])
                found += [Import(f"{base}.{alias.name}", child.lineno, file_scope) for alias in child.names]
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            self._collect(child, package, file_scope and not inside, found)
