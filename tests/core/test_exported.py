"""An exported model gives what the model gives, without this package."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from napari_unet.cli.exporting import check_ours
from napari_unet.core.card import Card
from napari_unet.core.checkpoint import Model, copy_weights, save_model
from napari_unet.core.config import ModelSettings, NetworkConfig, Normalisation
from napari_unet.core.exported import FORMAT, _check, describe_export, export_network
from napari_unet.core.image import Image
from napari_unet.core.network.unet import build_network
from napari_unet.core.workflow import run, segment


def model_of(**options):
    names = options.pop("class_names", ("background", "object"))
    network = NetworkConfig(
        base_channels=2, **({"levels": 1} | options), classes=len(names)
    )
    annotation = "values" if network.head == "regression" else "objects"
    settings = ModelSettings(
        network=network, class_names=names, annotation=annotation, pixel_size_um=0.5
    )
    return Model(build_network(network, seed=0).eval(), settings)


@pytest.mark.parametrize(
    "options",
    [
        {"padding": "valid"},
        {"padding": "reflect", "norm": "batch"},
        {"architecture": "unet++", "levels": 2},
        {"head": "sigmoid", "class_names": ("background", "nucleus", "cell")},
        {"head": "regression"},
        {"dimensions": 3, "levels_z": 1},
    ],
    ids=lambda options: next(iter(options.values())),
)
def test_it_gives_the_same_for_other_sizes_and_numbers_of_images(options, tmp_path):
    model = model_of(**options)
    export_network(model, tmp_path / "m.pt2")  # compares two sizes itself
    described = describe_export(model)
    lengths = described["input"]["lengths"]
    shape = [each["smallest"] + 3 * each["step"] for each in lengths.values()]
    image = torch.randn(1, 1, *shape)
    with torch.inference_mode():
        exported = torch.export.load(tmp_path / "m.pt2").module()(image)
        own = model.network.probabilities(model.network(image)[0])
    torch.testing.assert_close(exported[0], own, atol=1e-5, rtol=0)
    cut = described["output"]["cut_off"]
    assert list(exported.shape[2:]) == [
        length - 2 * cut[axis] for axis, length in zip(lengths, shape, strict=True)
    ]
    classes = described["output"].get("classes", ["values"])
    assert exported.shape[1] == len(classes)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_who_follows_the_description_gets_what_segment_gives(padding, tmp_path):
    model = model_of(padding=padding, levels=2)
    export_network(model, tmp_path / "m.pt2")
    described = describe_export(model)
    grey = np.random.default_rng(0).normal(200, 30, (48, 56))

    low, high = np.percentile(grey, [1, 99.8])
    context = described["output"]["context"]["Y"]
    cut = described["output"]["cut_off"]["Y"]
    normalised = 2 * (grey - low) / (high - low) - 1
    shape = []
    for axis, length in zip("YX", grey.shape, strict=True):
        fit = described["input"]["lengths"][axis]
        steps = -(-(length + 2 * context - fit["smallest"]) // fit["step"])
        shape.append(fit["smallest"] + steps * fit["step"])
    pads = [(context, n - context - m) for n, m in zip(shape, grey.shape, strict=True)]
    window = np.pad(normalised, pads, mode="reflect").astype(np.float32)
    with torch.inference_mode():
        network = torch.export.load(tmp_path / "m.pt2").module()
        found = network(torch.from_numpy(window)[None, None])[0].numpy()
    first = context - cut
    found = found[:, first : first + 48, first : first + 56]

    steps = segment(Image(grey[None]), model, device="cpu", precision="float32")
    own = run(steps).probabilities
    np.testing.assert_allclose(found, own, atol=1e-4)


def test_another_network_in_the_file_is_noticed(tmp_path):
    model, other = model_of(), model_of()
    export_network(model, tmp_path / "m.pt2")
    with torch.no_grad():
        next(other.network.parameters()).add_(1)
    with pytest.raises(RuntimeError, match="differs from the model by"):
        _check(tmp_path / "m.pt2", other.network, other.network)


@pytest.fixture
def saved(tmp_path):
    model = model_of(padding="valid")
    weights = copy_weights(model.network)
    save_model(tmp_path / "model", model.settings, Card(name="mine"), weights)
    return tmp_path / "model"


_WITHOUT_US = """
import json, sys, torch
described = json.load(open(sys.argv[1] + ".json"))
network = torch.export.load(sys.argv[1] + ".pt2").module()
length = described["input"]["lengths"]["Y"]
size = length["smallest"] + 2 * length["step"]
with torch.inference_mode():
    out = network(torch.zeros(1, described["input"]["channels"], size, size))
assert torch.allclose(out.sum(1), torch.ones(1))
assert "napari_unet" not in sys.modules
print(list(out.shape), described["output"]["classes"])
"""


def test_the_command_writes_what_other_programs_can_use(saved, tmp_path, call):
    out = tmp_path / "for others" / "mine.pt2"
    code, text, err = call("export-model", saved, "--out", out, "--json")
    assert code == 0, err
    assert json.loads(text) == {
        "model": str(out),
        "description": str(out.with_suffix(".json")),
    }
    described = json.loads(out.with_suffix(".json").read_text())
    assert described["file"] == "mine.pt2"
    assert described["card"]["name"] == "mine"
    assert described["input"]["pixel_size_um"] == {"Y": 0.5, "X": 0.5}
    assert described["input"]["lengths"]["X"] == {"smallest": 18, "step": 2}
    assert described["output"]["cut_off"] == {"Y": 8, "X": 8}
    ended = subprocess.run(
        [sys.executable, "-c", _WITHOUT_US, str(out.with_suffix(""))],
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "[1, 2, 6, 6] ['background', 'object']"


def test_an_earlier_export_is_replaced(tmp_path):
    (tmp_path / "m.json").write_text(json.dumps({"format": FORMAT}))
    check_ours(tmp_path / "m.json", tmp_path / "m.pt2")


@pytest.mark.parametrize(
    ("name", "said"),
    [("m.onnx", "ONNX needs packages"), ("m.pth", "is a .pt2 file, for example m.pt2")],
)
def test_other_formats_are_refused(saved, tmp_path, call, name, said):
    code, _, err = call("export-model", saved, "--out", tmp_path / name)
    assert code == 2
    assert said in err


def test_foreign_files_are_not_replaced(saved, tmp_path, call):
    (tmp_path / "m.json").write_text("[1, 2]")
    code, _, err = call("export-model", saved, "--out", tmp_path / "m.pt2")
    assert code == 2
    assert "is no earlier export" in err
    assert (tmp_path / "m.json").read_text() == "[1, 2]"
    np.testing.assert_equal(sorted(p.name for p in tmp_path.glob("*.pt2")), [])


@pytest.mark.parametrize("normalisation", get_args(Normalisation))
def test_every_normalisation_is_described(normalisation):
    model = model_of()
    settings = model.settings.replaced(normalisation=normalisation)
    described = describe_export(replace(model, settings=settings))["input"]
    assert described["normalisation"] == normalisation
    assert "become -1 and 1" in described["normalise"]
