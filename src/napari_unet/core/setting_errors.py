"""What is wrong with a setting, in our own words: its limits, or the closest name."""

import difflib
from collections.abc import Iterable
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from napari_unet.core.setting import Config


def explain_setting(error: ValidationError, settings: type[Config]) -> tuple[str, str]:
    """Return which setting is wrong first, and what it must be.

    Parameters
    ----------
    error : ValidationError
        From making `settings`.
    settings : type of Config
        Where the limits are declared.

    Returns
    -------
    name, sentence : str
        ``weight_map.sigma`` and ``it must be a number above 0``; the name is empty
        where settings exclude each other. The sentence has no full stop.
    """
    first = error.errors()[0]
    name = ".".join(part for part in first["loc"] if isinstance(part, str))
    if first["type"] == "value_error":
        return name, first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return name, "it is missing"
    *path, last = first["loc"] or ("",)
    if first["type"] == "extra_forbidden":
        holder = _find(settings, path)
        names = () if holder is None else holder.model_fields
        return name, f"there is no such setting{suggest(str(last), names)}"
    declared = _declared(settings, first["loc"])
    if declared is None:
        return name, "it must be several settings, {name: value, …}"
    return name, f"it must be {describe_limits(declared)}{_near(first, declared)}"


def suggest(name: str, names: Iterable[str]) -> str:
    """Return the closest of the names there are; else all of them.

    Examples
    --------
    >>> suggest("layers", ["levels", "padding"])
    "; the closest is 'levels'"
    >>> suggest("x", ["levels", "padding"])
    '; there are levels, padding'
    """
    known = list(names)
    ends = {each.rpartition(".")[2]: each for each in known}
    close = difflib.get_close_matches(name, known, 1, 0.5)
    if not close:
        last = difflib.get_close_matches(name.rpartition(".")[2], ends, 1, 0.5)
        close = [ends[last[0]]] if last else []
    if close:
        return f"; the closest is '{close[0]}'"
    return f"; there are {', '.join(known)}" if known else ""


def describe_limits(declared: FieldInfo) -> str:
    """Return what a setting may be.

    Examples
    --------
    >>> from napari_unet.core.config import NetworkConfig
    >>> describe_limits(NetworkConfig.model_fields["levels"])
    'a whole number from 0 to 6'
    """
    kind = _kind(declared)
    if get_origin(kind) is Literal:
        *others, last = (f"'{choice}'" for choice in get_args(kind))
        return f"{', '.join(others)} or {last}" if others else last
    if isinstance(kind, type) and issubclass(kind, Config):
        return "several settings, {name: value, …}"
    if kind is bool:
        return "true or false"
    if get_origin(kind) is tuple:
        return "several values with commas between them"
    if kind is str:
        return "a text"
    noun = "a whole number" if kind is int else "a number"
    return f"{noun}{_describe_range(declared)}"


def _describe_range(declared: FieldInfo) -> str:
    """Return ' from 0 to 1', ' above 0', or the like."""
    low = high = ""
    closed = {}
    for limit in declared.metadata:
        if isinstance(limit, annotated_types.Ge):
            low = closed["low"] = f"{limit.ge:,}"
        elif isinstance(limit, annotated_types.Gt):
            low = f"{limit.gt:,}"
        elif isinstance(limit, annotated_types.Le):
            high = closed["high"] = f"{limit.le:,}"
        elif isinstance(limit, annotated_types.Lt):
            high = f"{limit.lt:,}"
    if len(closed) == 2:
        return f" from {low} to {high}"
    lower = f"not below {low}" if "low" in closed else f"above {low}"
    upper = f"up to {high}" if "high" in closed else f"below {high}"
    said = [text for text, limit in ((lower, low), (upper, high)) if limit]
    return f" {' and '.join(said)}" if said else ""


def _kind(declared: FieldInfo) -> Any:
    """Return the type of a setting, without None where it may be left open."""
    kind = declared.annotation
    if get_origin(kind) in (Union, UnionType):
        kind = next(each for each in get_args(kind) if each is not NoneType)
    return kind


def _find(settings: type[Config], path: Iterable[int | str]) -> type[Config] | None:
    """Return the settings inside settings that a path leads to."""
    for name in path:
        declared = settings.model_fields.get(str(name))
        kind = None if declared is None else _kind(declared)
        if not (isinstance(kind, type) and issubclass(kind, Config)):
            return None
        settings = kind
    return settings


def _declared(settings: type[Config], path: tuple[int | str, ...]) -> FieldInfo | None:
    """Return the declaration that a path leads to, or leads through."""
    declared: FieldInfo | None = None
    for depth, name in enumerate(path):
        holder = _find(settings, path[:depth])
        if holder is None:  # a place inside a list of values
            break
        declared = holder.model_fields.get(str(name))
    return declared


def _near(first: Any, declared: FieldInfo) -> str:
    """Return the choice that was probably meant."""
    kind = _kind(declared)
    if get_origin(kind) is not Literal or not isinstance(first["input"], str):
        return ""
    close = difflib.get_close_matches(first["input"], get_args(kind), 1, 0.5)
    return f"; the closest is '{close[0]}'" if close else ""
