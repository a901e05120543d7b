"""What `check` finds in an image and its table of points."""

from pathlib import Path

from napari_unet.cli.checking import Checked
from napari_unet.cli.examples import read_picture
from napari_unet.core.errors import InputError


def check_points(
    image: Path, table: Path, *, radius: float, volume: bool, planes_as_channels: bool
) -> Checked:
    """Look at one pair; a file that cannot be read is a finding, too."""
    import numpy as np

    from napari_unet.core.annotation.findings import Finding
    from napari_unet.core.annotation.point_findings import find_point_faults
    from napari_unet.core.annotation.target import Example
    from napari_unet.formats.points import read_points

    example = None
    try:
        picture, points = (
            read_picture(image, planes_as_channels),
            read_points(table).points,
        )
        findings = find_point_faults(picture, points, radius=radius, volume=volume)
        if all(finding.level != "error" for finding in findings):
            painted = np.zeros(picture.shape, np.uint8)
            example = Example(picture, painted, points=points)
    except InputError as error:
        findings = [Finding("error", str(error))]
    listed = [
        {"image": image.name, "level": f.level, "message": f"{table.name}: {f.message}"}
        for f in findings
    ]
    return Checked(listed, example)
