"""Claim 3: the border-distance weight separates touching cells.

    python benchmarks/reproduction/ridge.py --data FOLDER [--seeds 0 1 2]

Trains with w0 = 0 and w0 = 10 on nuclei, everything else alike, without cutting objects
at waists, and counts true objects that were merged on the other images.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from claims import call, copy_pairs, draw_chart, group, parse, print_table, stems

HEAD = ("w0", "seed", "base", "iterations", "merged", "objects", "F1", "SEG", "IoU")
SET, MASKS, TRAIN, TEST = "bbbc039_u2os", "masks", slice(0, 3), slice(3, 15)


def main() -> None:
    options = parse(__doc__, iterations=300, base=16, seeds=[0, 1, 2], patch=256)
    source = options.data / SET
    names = stems(source / MASKS)

    def rows() -> Iterator[tuple[object, ...]]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            train, (images, labels) = (
                copy_pairs(source / "images", source / MASKS, names[part], folder / to)
                for part, to in ((TRAIN, "train"), (TEST, "test"))
            )
            for w0 in (0, 10):
                for seed in options.seeds:
                    model = folder / f"model{w0}-{seed}"
                    call(
                        "train", *train, "--model", model, "--seed", seed,
                        "--iterations", options.iterations,
                        "--base-channels", options.base,
                        "--set", f"patch_size={options.patch}",
                        "--set", f"weight_map.w0={w0}",
                        "--set", "weight_map.separation_border=1",
                    )  # fmt: skip
                    _never_split(model)
                    out = model / "out"
                    call("segment", images, "--model", model, "--out", out,
                         "--threshold", 0.5)  # fmt: skip
                    scores = call("evaluate", out, labels)["overall"]
                    yield (
                        w0, seed, options.base, options.iterations,
                        _count_merged(out, labels), scores["objects_true"],
                        scores["f1"], scores["seg"], scores["iou"],
                    )  # fmt: skip

    done = print_table(HEAD, rows())
    title = "merged objects of 1624 (w0)"
    draw_chart(options.picture, title, group(done, (0,), 4))


def _never_split(model: Path) -> None:
    """Switch the watershed off in a saved model: the weights alone shall separate."""
    import json

    file = model / "settings.json"
    content = json.loads(file.read_text())
    content["settings"]["objects"]["split"] = 0.0
    file.write_text(json.dumps(content, indent=2))


def _count_merged(predicted: Path, true: Path) -> int:
    """Count true objects that lie mostly in a predicted one with another of them."""
    from napari_unet.formats.images import pair_files, read_labels

    merged = 0
    for found, right in pair_files(predicted, true):
        guess, truth = read_labels(found), read_labels(right)
        owners = [
            np.bincount(guess[truth == number]).argmax()
            for number in np.unique(truth[truth > 0])
        ]
        counts = np.bincount([owner for owner in owners if owner > 0])
        merged += int(counts[counts > 1].sum())
    return merged


if __name__ == "__main__":
    main()
