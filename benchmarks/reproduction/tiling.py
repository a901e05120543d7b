"""Claim 4: overlap-tiles show no seams, for every network of the family.

    python benchmarks/reproduction/tiling.py --data FOLDER

Predicts an electron micrograph tile by tile and in one piece, in float32 with random
weights: the largest difference of probabilities anywhere. Four tiles a side.
"""

from collections.abc import Iterator

import numpy as np
import torch
from claims import draw_chart, group, parse, print_table, stems

HEAD = ("network", "tiles", "largest difference")


def main() -> None:
    from napari_unet.core.config import NetworkConfig
    from napari_unet.core.device import Compute, place
    from napari_unet.core.image import measure_intensity
    from napari_unet.core.network.unet import build_network
    from napari_unet.core.prediction.predict import predict
    from napari_unet.core.presets import PRESETS
    from napari_unet.formats.images import read_image

    options = parse(__doc__, base=8)
    source = options.data / "isbi2012_em"
    image = read_image(source / "images" / f"{stems(source / 'instances')[0]}.png")
    intensity = measure_intensity(image)
    compute = Compute(torch.device("cpu"), "float32")
    family = {name: preset.network for name, preset in PRESETS.items()}
    family |= {
        "U-Net++": NetworkConfig(architecture="unet++"),
        "residual": NetworkConfig(block="residual"),
        "attention gates": NetworkConfig(skip="attention"),
        "added skips": NetworkConfig(skip="add", padding="valid"),
        "no skips": NetworkConfig(skip="none"),
        "mirrored padding": NetworkConfig(padding="reflect"),
        "partial convolutions": NetworkConfig(padding="partial"),
        "bilinear": NetworkConfig(upsampling="bilinear"),
    }

    def rows() -> Iterator[tuple[object, ...]]:
        for name, config in family.items():
            network = build_network(config.replaced(base_channels=options.base), seed=0)
            place(network, compute.device)
            array = image.array
            if config.dimensions == 3:
                array = np.stack([array[:, :128, :128]] * 12, axis=1)
            step, halo = network.geometry.step, network.geometry.halo
            edge = (array.shape[-1] // 4 // step) * step + 2 * halo
            results = []
            for tile in (None, edge):
                out = np.zeros((config.classes, *array.shape[1:]), np.float32)
                parts = predict(network, array, intensity, compute, tile=tile)
                for part in parts:
                    out[(slice(None), *part.interior)] = part.probabilities
                results.append(out)
            largest = float(np.abs(results[0] - results[1]).max())
            yield name, part.total, f"{largest:.1e}"

    done = print_table(HEAD, rows())
    title = "largest difference, tiles against one piece"
    draw_chart(options.picture, title, group(done, (0,), 2))


if __name__ == "__main__":
    main()
