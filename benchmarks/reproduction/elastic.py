"""Claim 2: elastic deformations matter where few images are annotated.

    python benchmarks/reproduction/elastic.py --data FOLDER [--seeds 0 1 2]

Trains on 1 and 3 slices of ISBI 2012 with and without elastic deformation, everything
else alike, and scores slices 16-23.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from claims import call, copy_pairs, draw_chart, group, parse, print_table, stems

HEAD = ("slices", "elastic", "seed", "base", "iterations", "F1", "IoU", "Rand error")


def main() -> None:
    options = parse(
        __doc__, iterations=400, base=16, seeds=[0, 1, 2], slices=[1, 3], patch=192
    )
    source = options.data / "isbi2012_em"
    names = stems(source / "instances")

    def rows() -> Iterator[tuple[object, ...]]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            images, labels = copy_pairs(
                source / "images", source / "instances", names[16:24], folder / "test"
            )
            for count in options.slices:
                train = copy_pairs(
                    source / "images", source / "instances", names[:count],
                    folder / f"train{count}",
                )  # fmt: skip
                for elastic in (0, 10):
                    for seed in options.seeds:
                        model = folder / f"model{count}-{elastic}-{seed}"
                        out = model / "out"
                        call(
                            "train", *train, "--model", model, "--seed", seed,
                            "--iterations", options.iterations,
                            "--base-channels", options.base,
                            "--set", f"patch_size={options.patch}",
                            "--set", f"augmentation.elastic_px={elastic}",
                        )  # fmt: skip
                        call("segment", images, "--model", model, "--out", out,
                             "--probabilities")  # fmt: skip
                        scores = call("evaluate", out, labels)["overall"]
                        errors = call("evaluate", out, labels, "--boundaries")
                        yield (
                            count, "10 px" if elastic else "off", seed, options.base,
                            options.iterations, scores["f1"], scores["iou"],
                            errors["overall"]["rand_error"],
                        )  # fmt: skip

    done = print_table(HEAD, rows())
    title = "F1 on held-out slices (slices learned, elastic deformation)"
    draw_chart(options.picture, title, group(done, (0, 1), 5))


if __name__ == "__main__":
    main()
