"""Going on with other classes: known ones keep their row, nothing else changes."""

import math

import numpy as np
import pytest
import torch

from napari_unet.core.annotation.target import Example
from napari_unet.core.checkpoint import Model
from napari_unet.core.config import ModelSettings, NetworkConfig, TrainConfig
from napari_unet.core.image import Image
from napari_unet.core.network.unet import build_network
from napari_unet.core.training.class_change import change_classes
from napari_unet.core.workflow import fine_tune, run

NAMES = ("background", "cell", "dirt")
NETWORKS = {
    "U-Net": {},
    "sigmoid": {"head": "sigmoid"},
    "one more convolution": {"head_channels": 3},
    "U-Net++": {"architecture": "unet++", "deep_supervision": True},
    "U-Net++, sigmoid": {
        "architecture": "unet++",
        "deep_supervision": True,
        "head": "sigmoid",
        "head_channels": 3,
    },
}


@pytest.fixture(params=NETWORKS.values(), ids=NETWORKS)
def model(request):
    config = NetworkConfig(base_channels=16, levels=2, classes=3, **request.param)
    settings = ModelSettings(network=config, annotation="classes", class_names=NAMES)
    network = build_network(config, seed=1)
    for parameter in network.parameters():  # biases, too, shall be told apart
        torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(7))
    return Model(network.eval(), settings)


def rows_by_name(model):
    """Return the weights of each class, of all heads in turn; and all other weights."""
    outputs = model.settings.network.outputs
    names = model.settings.class_names[-outputs:]
    state = model.network.state_dict()
    last = [n for n in state if n.startswith("head")]
    if model.settings.network.head_channels:
        last = [n for n in last if n.rsplit(".", 2)[-2] == "2"]
    rows = {
        name: torch.cat([state[key][row].flatten() for key in last])
        for row, name in enumerate(names)
    }
    return rows, {key: value for key, value in state.items() if key not in last}


@pytest.mark.parametrize(
    "names",
    [
        ("background", "dirt", "nucleus", "cell"),
        ("background", "dirt"),
        ("nothing", "cell", "dirt", "a", "b"),
    ],
    ids=["more, in another order", "fewer", "another background"],
)
def test_rows_go_by_name_and_the_rest_is_the_same(model, names):
    changed = change_classes(model, names)
    assert changed.settings.class_names == names
    assert changed.network.config.classes == len(names)
    old, backbone = rows_by_name(model)
    new, kept = rows_by_name(changed)
    assert backbone.keys() == kept.keys()
    for key, value in backbone.items():
        torch.testing.assert_close(kept[key], value, rtol=0, atol=0)
    for name, row in new.items():
        if name in old:
            torch.testing.assert_close(row, old[name], rtol=0, atol=0)
        else:
            assert not any(torch.equal(row, other) for other in old.values())


def test_known_classes_have_the_logits_they_had():
    config = NetworkConfig(base_channels=4, levels=1, classes=3)
    settings = ModelSettings(network=config, annotation="classes", class_names=NAMES)
    model = Model(build_network(config, seed=1).eval(), settings)
    image = torch.rand(1, 1, 16, 16)
    with torch.no_grad():
        old = model.network(image)
        new = change_classes(model, ("dirt", "new", "cell")).network(image)
    torch.testing.assert_close(new[:, [0, 2]], old[:, [2, 1]])


def test_volumes_have_rows_by_name_too():
    config = NetworkConfig(base_channels=2, levels=2, classes=3, dimensions=3)
    settings = ModelSettings(network=config, annotation="classes", class_names=NAMES)
    model = Model(build_network(config, seed=1), settings)
    changed = change_classes(model, ("background", "dirt"))
    for name, value in changed.network.state_dict().items():
        old = model.network.state_dict()[name]
        expected = old[[0, 2]] if name.startswith("head.") else old
        torch.testing.assert_close(value, expected, rtol=0, atol=0)


def test_new_rows_are_drawn_after_he():
    config = NetworkConfig(base_channels=64, levels=1, classes=2)
    settings = ModelSettings(
        network=config, annotation="classes", class_names=NAMES[:2]
    )
    model = Model(build_network(config, seed=1), settings)
    names = (*NAMES[:2], *(f"new {i}" for i in range(200)))
    head = change_classes(model, names, seed=3).network.head
    assert head.weight[2:].std().item() == pytest.approx(math.sqrt(2 / 64), rel=0.05)
    assert (head.bias[2:] == 0).all()


def test_the_same_classes_are_the_same_model(model):
    assert change_classes(model, NAMES) is model


def test_a_model_of_objects_goes_on_as_a_model_of_classes(model):
    values = (0, 128, 255)
    changed = change_classes(model, NAMES, values=values, annotation="classes")
    assert changed.settings.class_values == values
    back = change_classes(changed, ("background", "object"), annotation="objects")
    assert back.settings.annotation == "objects"
    assert back.settings.class_values == ()


def test_it_is_trained_and_scored_with_the_new_classes(model, tmp_path):
    names = (*NAMES, "nucleus")
    rng = np.random.default_rng(0)
    classes = np.repeat(np.repeat(rng.integers(0, 4, (6, 6)), 8, axis=0), 8, axis=1)
    image = Image((classes * 60 + rng.normal(0, 3, classes.shape))[None])
    result = run(
        fine_tune(
            [Example(image, classes)],
            tmp_path / "tuned",
            config=TrainConfig(
                iterations=3, seconds=None, patch_size=32, validations=1
            ),
            start_from=change_classes(model, names),
            precision="float32",
            device="cpu",
        )
    )
    assert result.model.settings.class_names == names
    assert result.before is not None
    assert len(result.after.classes.iou) == 4
    assert result.after.iou == pytest.approx(result.after.classes.mean_iou)
    assert set(result.model.card.scores) >= {"iou", "iou_0", "iou_3"}
