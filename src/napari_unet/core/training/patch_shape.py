"""How large training patches are: what fits the network, not larger than images.

No torch here: the form shows it.
"""

from collections.abc import Sequence

from napari_unet.core.config import TrainConfig
from napari_unet.core.network.geometry import Geometry


def fit_patch(
    config: TrainConfig,
    geometries: Sequence[Geometry],
    shapes: Sequence[Sequence[int]] = (),
) -> tuple[int, ...]:
    """Return the shape ([Z,] Y, X) of patches, square in the plane.

    Parameters
    ----------
    config : TrainConfig
        Asks for a size.
    geometries : sequence of Geometry
        Of the network, one for each axis: the next larger size that fits it is taken.
    shapes : sequence of (int, ...)
        Of the images, at the model's pixel size. Patches are no larger than shows
        more than mirrors; without images, as large as asked for.
    """
    plane = geometries[-1]
    edge, depth = config.patch_size, config.patch_depth
    if shapes:
        longest = max(max(shape[-2:]) for shape in shapes)
        edge = min(edge, longest + 2 * plane.shrink)
    edge = plane.size_at_least(edge)
    if len(geometries) == 2:
        return edge, edge
    along_z = geometries[0]
    if shapes:
        depth = min(depth, max(shape[0] for shape in shapes) + 2 * along_z.shrink)
    return along_z.size_at_least(depth), edge, edge


def output_shape(
    size: Sequence[int], geometries: Sequence[Geometry]
) -> tuple[int, ...]:
    """Return the shape that the network makes of a fitting one."""
    return tuple(n - 2 * g.shrink for n, g in zip(size, geometries, strict=True))


def describe_patch(size: Sequence[int], output: Sequence[int]) -> str:
    """Say what goes into the network, and what comes out if that is smaller.

    Examples
    --------
    >>> describe_patch((572, 572), (388, 388))
    '572 × 572 → 388 × 388 px'
    >>> describe_patch((32, 64, 64), (32, 64, 64))
    '32 × 64 × 64 px'
    """
    shapes = dict.fromkeys(" × ".join(map(str, shape)) for shape in (size, output))
    return " → ".join(shapes) + " px"
