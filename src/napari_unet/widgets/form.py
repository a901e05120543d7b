"""A settings class becomes a form: everything is read from its declaration."""

from __future__ import annotations

import math
import types
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from pydantic import ValidationError
from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]  # qtpy's own
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QWidget,
)
from superqt import QLabeledDoubleSlider, QLabeledSlider
from superqt.utils import signals_blocked

from napari_unet.core.config import Config
from napari_unet.core.errors import InputError
from napari_unet.core.setting_errors import explain_setting
from napari_unet.widgets.background import show_problem
from napari_unet.widgets.elided_combo import ElidedCombo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic.fields import FieldInfo

ConfigT = TypeVar("ConfigT", bound=Config)
_LARGEST_INT = 2**31 - 1
_LARGEST_FLOAT = 1e9
# Room for a choice; a long one is shortened rather than making the dock wide.
_MIN_CHARACTERS = 5
_HORIZONTAL = Qt.Orientation.Horizontal


class Form(QWidget, Generic[ConfigT]):
    """Edit some fields of a settings object; the others keep their values.

    Titles, tooltips, units, choices and limits come from the declaration of the
    settings, so that a setting is described once; so does where it counts, and can be
    edited.

    Parameters
    ----------
    config : Config
        What to show first.
    fields : sequence of str, optional
        Which fields, in which order; by default all that a single control can show.
    sliders : mapping of str to (float, float)
        Fields to show as sliders, with the part of their limits worth sliding over.
    controls : mapping of str to QDoubleSpinBox
        Boxes made for their fields; limits are those of the settings.
    parent : QWidget, optional
        Qt parent.
    """

    valueChanged = Signal(object)

    def __init__(
        self,
        config: ConfigT,
        fields: Sequence[str] | None = None,
        *,
        sliders: Mapping[str, tuple[float, float]] = types.MappingProxyType({}),
        controls: Mapping[str, QDoubleSpinBox] = types.MappingProxyType({}),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._config: ConfigT = config
        self._controls: dict[str, Any] = {}
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        declared = type(config).model_fields
        for name in fields or [n for n, f in declared.items() if _can_edit(f)]:
            control = controls.get(name)
            if control is None:
                control = make_control(declared[name], sliders.get(name))
            else:
                control.setRange(*_limits(declared[name], 10.0 ** -control.decimals()))
            self._controls[name] = control
            _add_row(layout, control, name, declared[name])
            _changed_signal(control).connect(
                lambda *_value, name=name: self._on_edited(name)
            )
        self.setValue(config)

    def value(self) -> ConfigT:
        """Return the settings as they are shown."""
        return self._config

    def setValue(self, config: ConfigT) -> None:
        """Show `config`; emits nothing."""
        self._config = config
        for name, control in self._controls.items():
            value = getattr(config, name)
            declared = type(config).model_fields[name]
            control.setEnabled(value is not None and _counts(declared, config))
            if value is not None:
                with signals_blocked(control):
                    _show_value(control, value)

    def control(self, name: str) -> Any:
        """Return the control of one field."""
        return self._controls[name]

    def setFieldVisible(self, name: str, visible: bool) -> None:
        """Show or hide one field with its title."""
        layout = self.layout()
        if isinstance(layout, QFormLayout):
            layout.setRowVisible(self._controls[name], visible)

    def _on_edited(self, name: str) -> None:
        control = self._controls[name]
        try:
            config = self._config.replaced(**{name: _read_value(control)})
        except ValidationError as error:
            # Only where two fields exclude each other: show what still holds.
            self.setValue(self._config)
            settings = type(self._config)
            title = _title(name, settings.model_fields[name])
            said = explain_setting(error, settings)[1]
            for other, declared in settings.model_fields.items():
                said = said.replace(f"`{other}`", f"'{_title(other, declared)}'")
            show_problem(InputError(f"{title}: {said}."))
            return
        # What was typed into a line is shown as it was understood.
        self.setValue(config)
        self.valueChanged.emit(config)


def make_control(
    declared: FieldInfo, slider_range: tuple[float, float] | None = None
) -> Any:
    """Return the control for one declared setting.

    Parameters
    ----------
    declared : FieldInfo
        A bool, int, float or Literal, or one of them or None; a tuple of numbers
        becomes a line to type them into.
    slider_range : (float, float), optional
        Makes it a slider over this range.
    """
    kind = _kind(declared)
    if get_origin(kind) is Literal:
        control = ElidedCombo()
        control.setMinimumContentsLength(_MIN_CHARACTERS)
        control.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for choice in get_args(kind):
            control.addItem(str(choice), choice)
        return control
    if kind is bool:
        return QCheckBox()
    if get_origin(kind) is tuple:
        return QLineEdit()
    if kind not in (int, float):
        raise TypeError(f"No control can show a setting of type {kind}.")
    return _make_number_control(declared, kind, slider_range)


def _make_number_control(
    declared: FieldInfo, kind: type, slider_range: tuple[float, float] | None
) -> Any:
    decimals = 0 if kind is int else _decimals(declared.default)
    low, high = slider_range or _limits(declared, 10.0**-decimals)
    control: Any
    if kind is int:
        control = QLabeledSlider(_HORIZONTAL) if slider_range else QSpinBox()
        control.setRange(int(low), int(min(high, _LARGEST_INT)))
    else:
        slides = slider_range is not None
        control = QLabeledDoubleSlider(_HORIZONTAL) if slides else QDoubleSpinBox()
        control.setDecimals(decimals)
        control.setRange(low, high)
        control.setSingleStep(0.05 if high - low <= 1 else 0.5)
    if slider_range is None:
        control.setStepType(QSpinBox.StepType.AdaptiveDecimalStepType)
        control.setKeyboardTracking(False)
        if unit := _unit(declared):
            control.setSuffix(f" {unit}")
    return control


def _decimals(default: Any) -> int:
    """Return how many decimals a number needs: three digits of a small default."""
    if not isinstance(default, float) or default == 0:
        return 2
    if default >= 0.1:
        return 1 if default >= 10 else 2
    return 2 - math.floor(math.log10(default))


def _title(name: str, declared: FieldInfo) -> str:
    return declared.title or name.replace("_", " ").capitalize()


def _add_row(layout: QFormLayout, control: Any, name: str, declared: FieldInfo) -> None:
    title = _title(name, declared)
    help_text = declared.description or ""
    control.setToolTip(help_text)
    control.setAccessibleName(title)
    control.setAccessibleDescription(help_text)
    if isinstance(control, QCheckBox):
        control.setText(title)
        layout.addRow(control)
        return
    unit = _unit(declared)
    sliding = isinstance(control, (QLabeledSlider, QLabeledDoubleSlider))
    label = QLabel(f"{title} ({unit})" if unit and sliding else title)
    label.setToolTip(help_text)
    label.setBuddy(control)
    layout.addRow(label, control)


def _kind(declared: FieldInfo) -> Any:
    """Return the type of a setting, without the None of an optional one."""
    annotation = declared.annotation
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(a for a in get_args(annotation) if a is not type(None))
    return annotation


def _can_edit(declared: FieldInfo) -> bool:
    kind = _kind(declared)
    return kind in (bool, int, float) or get_origin(kind) is Literal


def _counts(declared: FieldInfo, config: Config) -> bool:
    """Tell whether a setting has an effect beside the others as they are."""
    where = _extra(declared).get("counts_where", {})
    return all(getattr(config, other) == value for other, value in where.items())


def _unit(declared: FieldInfo) -> str:
    return str(_extra(declared).get("unit", ""))


def _extra(declared: FieldInfo) -> dict[str, Any]:
    extra = declared.json_schema_extra
    return extra if isinstance(extra, dict) else {}


def _limits(declared: FieldInfo, step: float) -> tuple[float, float]:
    """Return the limits of a number; an excluded limit is moved inwards by `step`."""
    low, high = 0.0, _LARGEST_FLOAT
    for limit in declared.metadata:
        low = getattr(limit, "ge", low)
        high = getattr(limit, "le", high)
        if hasattr(limit, "gt"):
            low = limit.gt + step
        if hasattr(limit, "lt"):
            high = limit.lt - step
    return low, high


def _changed_signal(control: Any) -> Any:
    if isinstance(control, QCheckBox):
        return control.toggled
    if isinstance(control, QComboBox):
        return control.currentIndexChanged
    if isinstance(control, QLineEdit):
        return control.editingFinished
    return control.valueChanged


def _read_value(control: Any) -> Any:
    if isinstance(control, QCheckBox):
        return control.isChecked()
    if isinstance(control, QComboBox):
        return control.currentData()
    if isinstance(control, QLineEdit):
        return control.text()
    return control.value()


def _show_value(control: Any, value: Any) -> None:
    if isinstance(control, QCheckBox):
        control.setChecked(value)
    elif isinstance(control, QComboBox):
        control.setCurrentIndex(control.findData(value))
    elif isinstance(control, QLineEdit):
        control.setText(", ".join(f"{number:g}" for number in value))
    else:
        # A slider covers the usual values only; a rarer one widens it.
        if not control.minimum() <= value <= control.maximum():
            control.setRange(
                min(control.minimum(), value), max(control.maximum(), value)
            )
        control.setValue(value)
