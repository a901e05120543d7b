"""What findings and errors say of options of the command line, the dock leaves out."""

import ast
from pathlib import Path

import pytest

import napari_unet.core
from napari_unet.core.errors import in_dock

CORE = Path(napari_unet.core.__file__).parent
# These write commands of the command line.
COMMANDS = {"command.py", "card.py", "errors.py", "pixel_size.py", "run.py"}
FILES = [path for path in sorted(CORE.rglob("*.py")) if path.name not in COMMANDS]


def texts(tree):
    """Return every text of a module but its docstrings, what is inserted as {}."""
    inside = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (
                str(part.value) if isinstance(part, ast.Constant) else "x"
                for part in node.values
            )
            inside.update(id(part) for part in node.values)
            yield "".join(parts)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside.add(id(node.value))
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in inside
        ):
            yield node.value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_dock_names_no_option_of_the_command_line(path):
    for text in texts(ast.parse(path.read_text(encoding="utf-8"))):
        assert "--" not in in_dock(text)
