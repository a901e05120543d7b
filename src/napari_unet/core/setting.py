"""What every class of settings is made of."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field


def setting(
    default: Any, help: str, *, title: str = "", unit: str = "", **limits: Any
) -> Any:
    """Declare a setting once; check, form, tooltip, JSON and CLI option all read it."""
    extra = {"unit": unit} if unit else None
    # pydantic's hints want a dictionary of any JSON; one of texts is one.
    return Field(
        default,
        title=title or None,
        description=help,
        json_schema_extra=extra,  # type: ignore[arg-type]
        **limits,
    )


class Config(BaseModel):
    """Shared behaviour of the settings: immutable, and closed to unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def replaced(self, **changes: Any) -> Self:
        """Return a checked copy with `changes` (`model_copy` would not check)."""
        return type(self).model_validate(self.model_dump() | changes)
