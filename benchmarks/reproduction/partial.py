"""Claim 6: partially annotated frames must not be taken for complete ones.

    python benchmarks/reproduction/partial.py --data FOLDER [--seeds 0 1 2]

In these frames one or two nuclei are annotated. Once everything further than a few
pixels from them is ignored, once it is taken for background. Scored by SEG, which asks
for annotated nuclei only, on frames that were not learned from.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from claims import call, copy_pairs, draw_chart, group, parse, print_table, stems
from scipy import ndimage

HEAD = ("frames taken as", "seed", "base", "iterations", "SEG", "objects predicted")
IGNORE = 65535


def main() -> None:
    options = parse(
        __doc__, iterations=300, base=16, seeds=[0, 1, 2], ring=12, patch=256
    )
    source = options.data / "ctc_fluo_gowt1" / "sparse_gt"
    names = stems(source / "masks")

    def rows() -> Iterator[tuple[object, ...]]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            train, (images, labels) = (
                copy_pairs(source / "images", source / "masks", part, folder / to)
                for part, to in ((names[:8], "train"), (names[8:], "test"))
            )
            _ignore_far(train[1], folder / "partial", options.ring)
            for title, annotation, more in (
                ("partial", folder / "partial", ("--ignore-label", IGNORE)),
                ("complete", train[1], ()),
            ):
                for seed in options.seeds:
                    model = folder / f"{title}-{seed}"
                    out = model / "out"
                    call(
                        "train", train[0], annotation, *more, "--model", model,
                        "--seed", seed, "--iterations", options.iterations,
                        "--base-channels", options.base,
                        "--set", f"patch_size={options.patch}",
                    )  # fmt: skip
                    call("segment", images, "--model", model, "--out", out)
                    scores = call("evaluate", out, labels)["overall"]
                    yield (
                        title, seed, options.base, options.iterations, scores["seg"],
                        scores["objects_predicted"],
                    )  # fmt: skip

    done = print_table(HEAD, rows())
    title = "SEG on other frames (frames taken as)"
    draw_chart(options.picture, title, group(done, (0,), 4))


def _ignore_far(labels: Path, folder: Path, ring: int) -> None:
    """Write labels in which ground further than `ring` px from a nucleus is ignored."""
    from napari_unet.formats.images import read_labels
    from napari_unet.formats.tiff import write_labels

    folder.mkdir()
    for file in labels.glob("*.tif"):
        annotation = read_labels(file)
        far = ndimage.distance_transform_edt(annotation == 0) > ring
        write_labels(folder / file.name, np.where(far, IGNORE, annotation).astype("u2"))


if __name__ == "__main__":
    main()
