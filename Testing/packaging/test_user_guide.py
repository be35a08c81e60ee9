"""The user guide explains exactly the notes, errors and options that a user can encounter."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import package_lists
import pytest
import typer

from SpinalDiseaseAILib.cli.main import app

GUIDE = (package_lists.ROOT / "docs" / "user-guide.md").read_text(encoding="utf-8")
MODULE = package_lists.ROOT / "SpinalDiseaseAI"
DEVELOPERS_PACKAGES = ("training", "evaluation", "datasets")
CODED = ("Note", "Problem", "WrongRegion")  # the first argument is a code
KIND_OF_ERROR = {"input", "model", "compute", "output", "error"}  # the codes of errors without their own


def section(title: str) -> str:
    """Text of the guide from a heading to the next of the same level."""
    return re.search(rf"^## {title}$(.*?)(?=^## |\Z)", GUIDE, re.MULTILINE | re.DOTALL).group(1)


def codes_in_tables(text: str) -> set[str]:
    """Codes in the first cell of each row."""
    first_cells = re.findall(r"^\| (`[^|]*`) \|", text, re.MULTILINE)
    return {code for cell in first_cells for code in re.findall(r"`([a-z0-9-]+)`", cell)}


def texts(node: ast.AST) -> set[str]:
    """Short names among the strings that can be the value of an expression."""
    if isinstance(node, ast.IfExp):
        return texts(node.body) | texts(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value else set()


def trees() -> Iterator[ast.Module]:
    for path in sorted(MODULE.rglob("*.py")):
        if not set(DEVELOPERS_PACKAGES) & set(path.relative_to(MODULE).parts):
            yield ast.parse(path.read_text(encoding="utf-8"))


def raised_codes(tree: ast.AST) -> set[str]:
    """Codes of notes and errors in a source file: ``code=``, ``default_code =``, and those of problems with a series.

    A code may be a named constant in the file.
    """
    found: set[str] = set()
    named = {"default_code", "NOTE_CODE"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") != "SeriesEntry":  # its code is not an error's
            found |= {text for keyword in node.keywords if keyword.arg == "code" for text in texts(keyword.value)}
            if getattr(node.func, "id", "") in CODED and node.args:
                found |= texts(node.args[0])
                named.add(getattr(node.args[0], "id", ""))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in named:
            found |= texts(node.value)
    return found


def test_every_code_of_a_note_or_error_is_in_the_guide() -> None:
    raised = set().union(*map(raised_codes, trees())) - KIND_OF_ERROR
    explained = codes_in_tables(section("Notes and warnings") + section("Errors")) | {"cancelled"}
    assert raised - explained == set()


def test_the_guide_explains_no_code_that_does_not_exist() -> None:
    constants = {node.value for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert codes_in_tables(section("Notes and warnings") + section("Errors")) - constants == set()


def test_every_command_and_option_is_in_the_guide() -> None:
    commands = typer.main.get_command(app).commands
    options = {option for command in commands.values() for parameter in command.params for option in parameter.opts}
    text = section("The command line")
    missing = {name for name in options if name.startswith("-") and f"`{name}" not in text}
    missing |= {name for name in commands if f"`{name}`" not in text and f"spinal-disease-ai {name}" not in text}
    assert missing == set()


@pytest.mark.parametrize(
    "source",
    [
        "InputError('x', code='new-code')",
        "Note('new-code', text)",
        "Note('new-code' if many else 'new-code', text)",
        "OWN_NAME = 'new-code'\nNote(OWN_NAME, text)",
    ],
)
def test_a_new_code_is_detected(source: str) -> None:
    assert raised_codes(ast.parse(source)) == {"new-code"}


def test_internal_links_of_the_guide_lead_to_its_headings() -> None:
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", GUIDE, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", GUIDE)) - anchors == set()


def test_every_shipped_model_is_in_the_guide() -> None:
    shipped = [path.parent.parent.name for path in Path(package_lists.ROOT / "Resources/Models").glob("*/configs/metadata.json")]
    assert shipped
    assert [name for name in shipped if f"`{name}`" not in section("Models and licences")] == []
