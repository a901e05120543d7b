"""A folder with objects of very different sizes: not one zoom for all of it."""

import json

import numpy as np
import tifffile
import tqdm

from napari_unet.cli.app import main
from napari_unet.core.image import resample
from napari_unet.samples import fluorescence_nuclei


def test_an_image_of_another_kind_gets_a_zoom_of_its_own(
    tmp_path, nuclei_folder, monkeypatch, capsys
):
    images = tmp_path / "images"
    images.mkdir()
    for seed in range(3):
        sample = fluorescence_nuclei((192, 192), seed=seed)
        tifffile.imwrite(images / f"a{seed}.tif", np.asarray(sample.image))
    grey = np.asarray(fluorescence_nuclei((112, 112), seed=5).image)[None]
    large = resample(grey, (1120, 1120))[0].astype(np.uint16)
    tifffile.imwrite(images / "large.tif", large)
    command = ["napari-unet", "segment", str(images), "--model", str(nuclei_folder)]
    command += ["--out", str(tmp_path / "out"), "--device", "cpu", "--json"]
    monkeypatch.setattr("sys.argv", command)
    try:
        main()
    except SystemExit as end:
        assert not end.code  # noqa: PT017
    told = capsys.readouterr()
    result = json.loads(told.out.strip().splitlines()[-1])
    assert result["zoom"]["a0"]["factor"] == result["zoom"]["a2"]["factor"]
    assert 0.07 < result["zoom"]["large"]["factor"] < 0.14
    assert result["objects"]["large"] > 8
    assert "large: zoom 0." in told.err
    assert "the zoom of the others is" in told.err
    assert tqdm.tqdm.monitor_interval == 0  # no thread of its own
