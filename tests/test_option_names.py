"""Sentences name only options that there are, and those of the command at hand."""

import ast
import re
from pathlib import Path

import pytest
import typer

import napari_unet
from napari_unet.cli import (  # noqa: F401 - importing them registers the commands
    annotation,
    check,
    detection,
    importing,
    prediction,
    showcase,
    tools,
    training,
)
from napari_unet.cli.app import app

SOURCE = Path(napari_unet.__file__).parent
COMMANDS = {
    name: {option for each in command.params for option in each.opts}
    for name, command in typer.main.get_command(app).commands.items()
}
EVERYWHERE = {"--help"}
ALL = set().union(EVERYWHERE, *COMMANDS.values())
# Whose sentences a module of the command line says; of other modules any command's.
SPOKEN_BY = {
    "annotation": {"weights", "tools"},
    "check": {"check"},
    "checking": {"check", "train", "tools"},
    "classes": {"train", "check", "segment"},
    "class_maps": {"evaluate"},
    "detection": {"detect", "evaluate"},
    "evaluation": {"evaluate"},
    "examples": {"train", "check", "weights", "tools", "evaluate"},
    "image_results": {"segment", "detect"},
    "importing": {"import"},
    "label_files": {"weights", "tools"},
    "prediction": {"segment", "evaluate"},
    "settings": {"train"},
    "tools": {"tools"},
    "training": {"train"},
    "training_options": {"train"},
}


def cli_options(path):
    """Return the options that the sentences of a module may name."""
    spoken = SPOKEN_BY.get(path.stem) if path.parent.name == "cli" else None
    if spoken is None:
        return ALL
    return EVERYWHERE.union(*(COMMANDS[name] for name in spoken))


def strings_of(tree):
    """Return each text of a module, one that is put together as one."""
    inside = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [p for p in ast.walk(node) if isinstance(p, ast.Constant)]
            inside.update(map(id, parts))
            yield "".join(p.value if isinstance(p.value, str) else "…" for p in parts)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in inside
        ):
            yield node.value


MODULES = sorted(SOURCE.rglob("*.py"))


def test_the_commands_are_known():
    assert len(COMMANDS) >= 10
    assert "--separation-border" not in ALL
    assert {name for names in SPOKEN_BY.values() for name in names} <= set(COMMANDS)
    assert {f"{stem}.py" for stem in SPOKEN_BY} <= {p.name for p in MODULES}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_sentences_name_options_that_there_are(path):
    allowed = cli_options(path)
    for text in strings_of(ast.parse(path.read_text(encoding="utf-8"))):
        others = {o for name in COMMANDS if f"{name} " in text for o in COMMANDS[name]}
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*\b", text))
        assert named <= allowed | others, (path.name, text)


@pytest.mark.parametrize("stem", sorted(SPOKEN_BY))
def test_settings_out_of_range_are_named_by_the_option_that_gave_them(stem):
    path = SOURCE / "cli" / f"{stem}.py"
    allowed = cli_options(path)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "changed":
            continue
        if len(node.args) > 1:  # with a table of names
            continue
        given = {word.arg for word in node.keywords if word.arg is not None}
        options = {f"--{name.replace('_', '-')}" for name in given}
        assert options <= allowed, (path.name, options - allowed)


def test_options_that_contradict_a_model_are_named_as_they_are():
    # `check_old` makes option names of these settings.
    fields = {"base_channels", "levels", "padding"}
    assert {f"--{field.replace('_', '-')}" for field in fields} <= COMMANDS["train"]
