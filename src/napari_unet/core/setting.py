"""What every class of settings is made of."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field


def setting(
    default: Any,
    help: str,
    *,
    title: str = "",
    unit: str = "",
    counts_where: Mapping[str, Any] = MappingProxyType({}),
    **limits: Any,
) -> Any:
    """Declare a setting once; check, form, tooltip, JSON and CLI option all read it.

    `counts_where` names the values that other settings of its class must have for it to
    have an effect.
    """
    extra: dict[str, Any] = {"unit": unit} if unit else {}
    if counts_where:
        extra["counts_where"] = dict(counts_where)
    return Field(
        default,
        title=title or None,
        description=help,
        json_schema_extra=extra or None,
        **limits,
    )


class Config(BaseModel):
    """Shared behaviour of the settings: immutable, and closed to unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def replaced(self, **changes: Any) -> Self:
        """Return a checked copy with `changes` (`model_copy` would not check)."""
        return type(self).model_validate(self.model_dump() | changes)
