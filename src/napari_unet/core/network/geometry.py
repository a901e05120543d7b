"""Sizes that fit a network, how much context it needs, and how much memory."""

from dataclasses import dataclass
from typing import Self

from napari_unet.core.config import NetworkConfig
from napari_unet.core.errors import InputError

# Feature maps of the first level that are alive at once in a forward pass: the skip
# connection, the concatenation (two widths), its convolution, and work space.
_LIVE_MAPS = 7


@dataclass(frozen=True, slots=True)
class Geometry:
    """What a network does to sizes along one axis.

    Parameters
    ----------
    config : NetworkConfig
        Levels, padding and up-sampling count.
    along_z : bool
        Whether this is the axis Z of a 3D network, which may have fewer levels; by
        default Y or X.

    Notes
    -----
    Max-pooling looks at fixed pairs of pixels. Two windows give the same result for a
    pixel only if they are shifted by a multiple of ``2 ** levels``, hence `step`; the
    388 px that a 572 px tile yields are not one.
    """

    config: NetworkConfig
    along_z: bool = False

    @classmethod
    def of_axes(cls, config: NetworkConfig) -> tuple[Self, ...]:
        """Return the geometry of each spatial axis, ([Z,] Y, X)."""
        plane = (cls(config), cls(config))
        return (cls(config, along_z=True), *plane) if config.dimensions == 3 else plane

    @property
    def levels(self) -> int:
        """Poolings along this axis.

        At the finest levels of an axis with fewer of them, kernels and pools have the
        length 1 along it: there the network is as if these levels did not exist.
        """
        return self.config.levels_z if self.along_z else self.config.levels

    @property
    def step(self) -> int:
        """Pixels by which windows may be shifted without changing the result."""
        return 1 << self.levels

    @property
    def shrink(self) -> int:
        """Pixels that the output lacks on each side: 92 for the paper's network."""
        return 6 * self.step - 4 if self.config.padding == "valid" else 0

    @property
    def halo(self) -> int:
        """Context on each side of a tile's interior that makes its result exact.

        For valid convolutions this is what they cut off; for the others the distance
        that the zeros at a window's edge can be felt, rounded up to `step`.
        """
        if self.config.padding == "valid":
            # Interpolating sees one pixel beyond its map's end; over all levels that
            # touches the last 2 ** levels - 1 pixels.
            touched = self.config.upsampling != "transposed"
            return self.shrink + (self.step if touched else 0)
        reach = self._needed()[0, 0] + 2
        return -(-reach // self.step) * self.step

    def context(self, level: int) -> int:
        """Return what a U-Net's expanding block must see around an aligned interior.

        In pixels of its level, on each side: at most 6 px at the finest one. Blocks see
        that little because they only answer for what is close; the `halo` is for those
        that come first, in the contracting path.
        """
        return self._needed()[level, self.levels - level] + 2

    def _needed(self) -> dict[tuple[int, int], int]:
        """Return how far around an aligned interior each block must be right.

        Found by walking backwards through the network. A block is (level, step), where
        step 0 is the contracting path; lengths are in pixels of its level.
        """
        levels = self.levels
        # Interpolating, and a 2x2 convolution after doubling, look one pixel further.
        extra = 0 if self.config.upsampling == "transposed" else 1
        needed: dict[tuple[int, int], int] = {}

        def need(node: tuple[int, int], pixels: int) -> None:
            needed[node] = max(needed.get(node, 0), pixels)

        need((0, levels), 1 if self.config.head_channels else 0)
        for step in range(levels, 0, -1):
            for level in range(levels - step + 1):
                if (level, step) not in needed:
                    continue
                reach = needed[level, step] + 2  # two 3x3 convolutions
                below = (level + 1, step - 1)
                if self.config.architecture == "unet++":
                    for earlier in range(step):
                        need((level, earlier), reach)
                else:  # the way up is one diagonal: the others are not built
                    need((level, 0), reach)
                need(below, -(-(reach + extra) // 2))
        for level in range(levels, 0, -1):
            need((level - 1, 0), 2 * (needed[level, 0] + 2))
        return needed

    def output_size(self, size: int) -> int | None:
        """Return the length of the output for an input length; None if it cannot be."""
        if self.config.padding != "valid":
            # A single pixel at the deepest level cannot be mirrored.
            least = 2 * self.step if self.config.padding == "reflect" else self.step
            return size if size >= least and size % self.step == 0 else None
        for _ in range(self.levels):
            size -= 4
            if size <= 0 or size % 2:
                return None
            size //= 2
        size -= 4
        for _ in range(self.levels):
            size = 2 * size - 4
        return size if size > 0 else None

    def check_size(self, size: int) -> None:
        """Refuse an input length that does not fit, naming the nearest that do.

        Raises
        ------
        InputError
            If `size` gives no output.
        """
        if self.output_size(size) is not None:
            return
        above = self.size_at_least(size)
        below = above - self.step
        near = [n for n in (below, above) if self.output_size(n) is not None]
        along = " along Z" if self.along_z else ""
        raise InputError(
            f"A length of {size} px{along} does not fit this network ({self.levels} "
            f"levels, '{self.config.padding}' padding); the nearest that do: "
            f"{' and '.join(map(str, near))} px."
        )

    def size_at_least(self, size: int) -> int:
        """Return the smallest input length that fits and is not below `size`."""
        phase = (4 * self.step - 4) if self.config.padding == "valid" else 0
        fitting = size + (phase - size) % self.step
        while self.output_size(fitting) is None:
            fitting += self.step
        return fitting

    def forward_bytes(self, pixels: int) -> int:
        """Estimate the memory of a float32 prediction of an input of `pixels`."""
        config, maps = self.config, _LIVE_MAPS
        if config.architecture == "unet++":
            # All nodes of a level are kept, and joined; the levels below add the like.
            maps = 4 * (config.levels + 1)
        if config.block == "residual":
            maps += 2
        return pixels * config.base_channels * maps * 4
