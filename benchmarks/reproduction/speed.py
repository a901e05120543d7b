"""Claim 5: the time for a 512² image with the paper's network of 31 million parameters.

    python benchmarks/reproduction/speed.py --data FOLDER

Predicts an electron micrograph of 512² with ``paper-2015``, on the device and in the
precision that the program chooses, and in float32.
"""

import time
from collections.abc import Iterator

from claims import draw_chart, group, parse, print_table, stems

HEAD = ("device", "parameters", "tiles", "seconds")


def main() -> None:
    from napari_unet.core.device import choose_compute, place
    from napari_unet.core.image import measure_intensity
    from napari_unet.core.network.unet import build_network, parameter_count
    from napari_unet.core.prediction.predict import predict
    from napari_unet.core.presets import PRESETS
    from napari_unet.formats.images import read_image

    options = parse(__doc__, repeats=3)
    source = options.data / "isbi2012_em"
    image = read_image(source / "images" / f"{stems(source / 'instances')[0]}.png")
    intensity = measure_intensity(image)
    network = build_network(PRESETS["paper-2015"].network, seed=0)

    def rows() -> Iterator[tuple[object, ...]]:
        chosen = choose_compute("auto")
        for compute in dict.fromkeys((chosen, choose_compute("auto", "float32"))):
            place(network, compute.device)
            times = []
            for _ in range(options.repeats + 1):  # the first warms up
                start = time.perf_counter()
                tiles = list(predict(network, image.array, intensity, compute))
                times.append(time.perf_counter() - start)
            count = f"{parameter_count(network):,}"
            yield compute.describe(), count, len(tiles), min(times[1:])

    done = print_table(HEAD, rows())
    title = "seconds for 512²"
    draw_chart(options.picture, title, group(done, (0,), 3))


if __name__ == "__main__":
    main()
