"""The size of a pixel as TIFF files tell it: OME, ImageJ, or the plain TIFF tags."""

import math
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

# A length in µm of one unit, as microscope software spells them (in lower case).
_UM = {
    "m": 1e6,
    "cm": 1e4,
    "mm": 1e3,
    "µm": 1.0,
    "um": 1.0,
    "micron": 1.0,
    "micrometer": 1.0,
    "micrometre": 1.0,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "nanometre": 1e-3,
    "pm": 1e-6,
    "å": 1e-4,
    "angstrom": 1e-4,
    "inch": 25400.0,
    "in": 25400.0,
    "inche": 25400.0,  # a plural s is dropped
}
# Office programs and image editors write the printer's dots per inch (72, 96, 300...,
# also per centimetre) where a microscope writes the size of a pixel. No microscope
# comes near the coarsest of them taken for real: 2400 dpi, 10.6 µm.
_PRINTER_UNITS = ("cm", "inch", "in")
_PRINTER_UM = 10.0


def convert_to_um(value: Any, unit: str) -> float | None:
    """Return a length in µm, or None if it is no length.

    Parameters
    ----------
    value : number or str
        The length as the file gives it.
    unit : str
        µm, nm, mm, cm, m, pm, Å, inch and their usual spellings.

    Examples
    --------
    >>> convert_to_um(650, "nm"), convert_to_um("0.65", "micron")
    (0.65, 0.65)
    >>> convert_to_um(1, "pixel") is None
    True
    """
    spelled = unit.strip().replace("\\u00B5", "µ").replace("μ", "µ").lower()
    factor = _UM.get(spelled, _UM.get(spelled.removesuffix("s")))
    try:
        length = float(value) * factor if factor else math.nan
    except (TypeError, ValueError):
        return None
    if not 0 < length < math.inf:
        return None
    if spelled in _PRINTER_UNITS and length > _PRINTER_UM:
        return None
    return length


def read_ome_sizes(xml: str) -> dict[str, float]:
    """Return the physical size of a pixel in µm by axis, from OME-XML.

    Parameters
    ----------
    xml : str
        The description of an OME-TIFF; the first image in it counts.

    Returns
    -------
    dict of str to float
        Of X, Y and Z those that are given. A unit is µm where none is named.
    """
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return {}
    pixels = root.find(".//{*}Pixels")
    if pixels is None:
        return {}
    found = {
        axis: convert_to_um(
            pixels.get(f"PhysicalSize{axis}"),
            pixels.get(f"PhysicalSize{axis}Unit", "µm"),
        )
        for axis in "XYZ"
    }
    return _keep_known(found)


def read_imagej_sizes(
    metadata: Mapping[str, Any], resolution: tuple[float, float]
) -> dict[str, float]:
    """Return the size of a pixel in µm by axis, from an ImageJ TIFF.

    Parameters
    ----------
    metadata : mapping
        ImageJ's description: `unit`, and `spacing` between planes.
    resolution : tuple of float
        Pixels per unit along X and Y, the TIFF tags.
    """
    unit = str(metadata.get("unit", "pixel"))
    found = {
        axis: convert_to_um(1 / per_unit if per_unit else None, unit)
        for axis, per_unit in zip("XY", resolution, strict=True)
    }
    found["Z"] = convert_to_um(metadata.get("spacing"), unit)
    return _keep_known(found)


def read_tag_sizes(resolution: tuple[float, float], unit: int) -> dict[str, float]:
    """Return the size of a pixel in µm by axis, from the plain TIFF tags.

    Parameters
    ----------
    resolution : tuple of float
        Pixels per unit along X and Y.
    unit : int
        The tag ResolutionUnit: 2 inch, 3 cm; other numbers are no length.

    Returns
    -------
    dict of str to float
        Empty where the pixels would be larger than 10 µm: a printer's resolution.

    Examples
    --------
    >>> read_tag_sizes((20_000, 20_000), 3)
    {'X': 0.5, 'Y': 0.5}
    >>> read_tag_sizes((72, 72), 2)
    {}
    """
    name = {2: "inch", 3: "cm"}.get(unit, "")
    return _keep_known(
        {
            axis: convert_to_um(1 / per_unit if per_unit else None, name)
            for axis, per_unit in zip("XY", resolution, strict=True)
        }
    )


def _keep_known(found: Mapping[str, float | None]) -> dict[str, float]:
    """Drop unknown sizes; without both X and Y there is no pixel size at all."""
    known = {axis: size for axis, size in found.items() if size is not None}
    return known if {"X", "Y"} <= known.keys() else {}
