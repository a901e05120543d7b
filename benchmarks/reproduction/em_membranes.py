"""Claim 1: membranes in electron micrographs, and the average over seven rotations.

    python benchmarks/reproduction/em_membranes.py --data FOLDER [--iterations N]

Slices 0-15 of the training volume of ISBI 2012 are learned, 16-23 are scored: pixel,
Rand and warping error at the best of ten thresholds. These are not challenge scores:
the test volume's truth is secret, and that board's errors are retired.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from claims import call, copy_pairs, draw_chart, group, parse, print_table, stems

HEAD = (
    "preset", "base", "iterations", "seconds", "averaging", "pixel error",
    "Rand error", "warping error", "V_Rand", "V_Info",
)  # fmt: skip


def main() -> None:
    options = parse(__doc__, iterations=1500, base=16, seed=0, patch=256)
    source = options.data / "isbi2012_em"
    names = stems(source / "instances")

    def rows() -> Iterator[tuple[object, ...]]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            train = copy_pairs(
                source / "images", source / "instances", names[:16], folder / "train"
            )
            images, labels = copy_pairs(
                source / "images", source / "instances", names[16:24], folder / "test"
            )
            for preset in ("paper-2015", "fast"):
                model, out = folder / preset, folder / f"{preset}-out"
                trained = call(
                    "train", *train, "--model", model, "--preset", preset,
                    "--base-channels", options.base, "--seed", options.seed,
                    "--iterations", options.iterations,
                    *(("--set", f"patch_size={options.patch + 60}")
                      if preset == "paper-2015" else ()),
                )  # fmt: skip
                for tta in ("none", "7-angles"):
                    maps = out / tta
                    call("segment", images, "--model", model, "--out", maps,
                         "--probabilities", "--tta", tta)  # fmt: skip
                    scores = call("evaluate", maps, labels, "--boundaries")["overall"]
                    yield (
                        preset, options.base, trained["iterations"],
                        round(trained["seconds"]), tta,
                        *(float(scores[key]) for key in (
                            "pixel_error", "rand_error", "warping_error", "v_rand",
                            "v_info",
                        )),
                    )  # fmt: skip

    done = print_table(HEAD, rows())
    title = "Rand error on held-out slices (preset, averaging)"
    draw_chart(options.picture, title, group(done, (0, 4), 6))


if __name__ == "__main__":
    main()
