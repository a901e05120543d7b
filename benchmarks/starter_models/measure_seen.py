"""Measure again what a starter model has seen, without training it.

    python benchmarks/starter_models/measure_seen.py nuclei --data FOLDER

Where `core.look` learns to measure something new, this writes it into the settings of
the model that comes with the program (or of the one in ``--model``), from the same
images that it was trained on. Ranges only
grow, and all else stays as it is.
"""

import argparse
import json
from pathlib import Path

from train import RECIPES, read_examples

from napari_unet.core.card import SETTINGS_FILE, read_manifest
from napari_unet.core.model_folders import STARTERS_FOLDER
from napari_unet.core.training.seen import note_seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="its folder, if it is another one")
    arguments = parser.parse_args()

    recipe = RECIPES[arguments.name]
    seen = note_seen(recipe.settings(), read_examples(recipe, arguments.data)).seen
    assert seen is not None
    folder = arguments.model or STARTERS_FOLDER / arguments.name
    path = folder / SETTINGS_FILE
    text = path.read_text(encoding="utf-8")
    manifest = json.loads(text)
    known = manifest["settings"]["seen"]["looks"]
    for name, (low, high) in seen.looks.items():
        before = known.get(name, [])
        print(f"{name}: {low} to {high}; it was {before or 'unknown'}")
        known[name] = [min([low, *before]), max([high, *before])]
    written = json.dumps(manifest, indent=1, ensure_ascii=False)
    path.write_text(written + text[len(text.rstrip()) :], encoding="utf-8")
    read_manifest(folder)  # refuses what it could not use


if __name__ == "__main__":
    main()
