"""What all commands share: the way in, the way out, progress, and arguments."""

import errno
import json
import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError

from napari_unet.core.config import THREADS_VARIABLE, Config, DeviceChoice
from napari_unet.core.errors import InputError, TrainingDivergedError
from napari_unet.core.memory import telling_shortage
from napari_unet.core.setting_errors import explain_setting

app = typer.Typer(
    name="napari-unet",
    pretty_exceptions_enable=False,
    add_completion=False,
)

Images = Annotated[Path, typer.Argument(help="An image, or a folder of images.")]
Labels = Annotated[
    Path, typer.Argument(help="Their labels, a file or a folder; pairs by equal stem.")
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object as the last line.")
]
Device = Annotated[DeviceChoice, typer.Option(help="Where to compute.")]

ConfigType = TypeVar("ConfigType", bound=Config)


def main() -> None:
    """Run the command line; faulty input ends with one sentence and exit code 2."""
    # Importing them registers the commands, in this order in the help.
    from napari_unet.cli import (  # noqa: F401
        annotation,
        check,
        detection,
        exporting,
        importing,
        prediction,
        showcase,
        tools,
        training,
    )

    try:
        with telling_shortage("this command"):
            _spare_a_thread()
            code = app(standalone_mode=False)
    except (InputError, TrainingDivergedError) as error:
        fail(str(error))
    except OSError as error:
        name = f": '{error.filename}'" if error.filename else ""
        full = error.errno == errno.ENOSPC
        advice = " Make room there, or choose another place." if full else ""
        fail(f"{error.strerror or error}{name}.{advice}")
    # A wrong option. Which class it has depends on Typer's version: click's, or that of
    # Typer's own copy of click, which is not public. All have `format_message`.
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        sentence = error.format_message().rstrip(".")
        fail(f"{sentence}. 'napari-unet --help' lists what there is.")
    sys.exit(code)


@app.callback(invoke_without_command=True)
def show_help(
    context: typer.Context,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"Threads to compute with on a processor; also {THREADS_VARIABLE} in "
            "the environment.",
            show_default="as many as it has cores",
        ),
    ] = None,
) -> None:
    """Interactive microscopy segmentation with a U-Net."""
    if threads is not None:
        os.environ[THREADS_VARIABLE] = str(threads)
    if context.invoked_subcommand is None:
        print(context.get_help())


def _spare_a_thread() -> None:
    """Let progress bars do without a thread that watches them.

    It redraws those that stand still; where memory is short it cannot be started.
    """
    from tqdm import tqdm

    tqdm.monitor_interval = 0


def fail(sentence: str) -> None:
    """End with a sentence on standard error and exit code 2."""
    print(f"napari-unet: {sentence}", file=sys.stderr)
    sys.exit(2)


def warn(sentence: str) -> None:
    """Say something on standard error, above a progress bar."""
    from tqdm import tqdm

    tqdm.write(f"napari-unet: {sentence}", file=sys.stderr)


def count(number: int, noun: str) -> str:
    """Return '1 object', '2 objects'."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def report(result: dict[str, Any], text: str, *, as_json: bool) -> None:
    """Print a result for a person, or as one line of JSON."""
    print(json.dumps(result) if as_json else text)


def changed(
    config: ConfigType, options: Mapping[str, str] | None = None, /, **changes: Any
) -> ConfigType:
    """Return settings with the options that were given; refuse values out of range.

    Parameters
    ----------
    config : Config
        Not changed.
    options : mapping of str to str, optional
        By which option a setting was given, where their names differ.
    **changes
        New values; None leaves the old one.

    Raises
    ------
    InputError
        Naming the option, its value and its limits.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    try:
        return config.replaced(**given)
    except ValidationError as error:
        name, said = explain_setting(error, type(config))
        value = error.errors()[0]["input"]
        option = (options or {}).get(name, "--" + name.replace("_", "-"))
        shown = f"{option} {value}: " if name else ""
        raise InputError(f"{shown}{said}.") from None


def table(rows: list[list[str]], left: Collection[int] = (0,)) -> str:
    """Align columns for a terminal, `left` ones there; the first row is the head."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])
