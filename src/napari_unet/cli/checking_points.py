"""What `check` reads of an image and its table of points."""

from dataclasses import replace
from pathlib import Path

from napari_unet.cli.checking import Checked, Reading, pick
from napari_unet.cli.examples import pair_with_table, read_picture, read_regions_of
from napari_unet.core.errors import InputError


def check_points(image: Path, table: Path, reading: Reading) -> Checked:
    """Look at one pair; points that cannot be on the image are said with the reason."""
    from napari_unet.core.annotation.finding import Finding
    from napari_unet.core.annotation.point_findings import find_misplaced_points
    from napari_unet.core.annotation.points import fold_points
    from napari_unet.formats.images import stem_of
    from napari_unet.formats.points import read_points

    name = stem_of(image)
    try:
        picture = pick(
            read_picture(image, reading.planes_as_channels), reading.channels
        )
        points, size = read_points(table).points, picture.pixel_size_um
        points = fold_points(points, picture.full_shape)
        found = find_misplaced_points(points, picture.shape, pixel_size_um=size)
        if errors := [finding for finding in found if finding.level == "error"]:
            said = [f"{table.name}: {error.message}" for error in errors]
            named = zip(errors, said, strict=True)
            return Checked([replace(e, message=m, image=name) for e, m in named])
        regions = read_regions_of(reading.regions, image, len(picture.shape))
        return Checked([], pair_with_table(picture, table, regions))
    except InputError as error:
        return Checked([Finding("error", str(error), name)])
