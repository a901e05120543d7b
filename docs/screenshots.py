"""Make the pictures of the README and the documentation, from the real viewer.

    xvfb-run -a -s "-screen 0 1600x1000x24" .venv/bin/python docs/screenshots.py

Goes once through the whole job on a synthetic image, training included, and takes a
picture at each step; they go to ``docs/images``. About two minutes on two cores.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

IMAGES = Path(__file__).parent / "images"
# The ground that is annotated: rows and columns of the training and of the validation.
TRAINING = (slice(230, 500), slice(20, 330))
VALIDATION = (slice(230, 500), slice(350, 490))
# Around a crowd, where the weight map has something to show.
CROWD = (330, 180)


class Screen:
    """The viewer with the dock, and what it takes to use it like a person."""

    def __init__(self):
        import napari

        from napari_unet.widgets.dock import UNetDock

        self.viewer = napari.Viewer(show=False)
        self.dock = UNetDock(self.viewer)
        self.viewer.window.add_dock_widget(self.dock, name="U-Net")
        self.viewer.show()
        self.viewer.window.resize(1400, 940)

    def wait(self, seconds=0.5, until=None):
        """Let the program work; return whether `until` became true."""
        from qtpy.QtTest import QTest

        end = time.perf_counter() + seconds
        while time.perf_counter() < end and not (until and until()):
            QTest.qWait(50)
        return until is None or until()

    def show_only(self, *titles):
        """Open these sections of the dock and close the others."""
        for title, box in self.dock._boxes.items():
            box.setOpen(title in titles)
        return [self.dock.section(title) for title in titles]

    def take(self, name):
        """Save a picture of the whole window."""
        self.wait(1)
        IMAGES.mkdir(exist_ok=True)
        path = IMAGES / f"{name}.png"
        self.viewer.screenshot(path, canvas_only=False, flash=False)
        print(path)

    def look_at(self, centre, zoom):
        """Centre the canvas on a pixel of the image, so many screen pixels per µm."""
        layer = self.viewer.layers[0]
        self.viewer.scene.camera.center = (0, *layer.data_to_world(centre))
        self.viewer.scene.camera.zoom = zoom


def main():
    """Go through the job."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="of training")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["NAPARI_UNET_HOME"] = home
        os.environ["NAPARI_CONFIG"] = str(Path(home) / "settings.yaml")
        screen = Screen()
        sample = open_image(screen)
        if screen.dock.session.has_model:
            press_segment(screen)
        truth = annotate(screen, sample)
        show_weight_map(screen)
        fine_tune(screen, options.seconds)
        segment(screen)
        evaluate(screen, truth)
        export(screen)
        screen.viewer.close()


def open_image(screen):
    """Open a sample; return it with its truth."""
    from napari_unet.samples import fluorescence_nuclei

    sample = fluorescence_nuclei(seed=3)
    screen.viewer.add_image(
        sample.image, name="Nuclei", scale=sample.pixel_size_um, units=("µm", "µm")
    )
    return sample


def press_segment(screen):
    """Segment with the starter model that suits, and clear away what it found."""
    _, section = screen.show_only("Image and model", "Segment")
    screen.wait(5)
    section._button.click()
    screen.wait(120, until=lambda: not screen.dock.session.is_busy)
    screen.take("starter")
    screen.viewer.layers.remove("Nuclei prediction")


def annotate(screen, sample):
    """Take over the truth of a sample inside two regions."""
    import numpy as np

    _, section = screen.show_only("Image and model", "Annotate")
    screen.wait(5)
    section._new.click()
    painted = np.zeros_like(sample.labels)
    for button, box in (
        (section._training, TRAINING),
        (section._validation, VALIDATION),
    ):
        painted[box] = sample.labels[box]
        button.click()
        layer = screen.viewer.layers.selection.active
        edges = [(box[0].start, box[1].start), (box[0].stop - 1, box[1].stop - 1)]
        layer.add_rectangles(np.array(edges))
    screen.viewer.layers["Nuclei annotation"].data = painted
    screen.viewer.layers.selection.active = screen.viewer.layers["Nuclei annotation"]
    screen.take("annotate")
    return sample.labels


def show_weight_map(screen):
    """Show the weight map over a crowd of nuclei."""
    (section,) = screen.show_only("Weight map")
    section._live.setChecked(True)
    screen.wait(5, until=lambda: "Nuclei weight map" in screen.viewer.layers)
    screen.viewer.layers["Nuclei annotation"].contour = 1
    screen.look_at(CROWD, 9)
    screen.take("weight_map")
    section._live.setChecked(False)
    screen.viewer.reset_view()


def fine_tune(screen, seconds):
    """Train; take a picture while it learns and one of what came of it."""
    (section,) = screen.show_only("Fine-tune")
    session = screen.dock.session
    session.train_config = session.train_config.replaced(seconds=seconds)
    section._button.click()
    screen.wait(20 * seconds, until=lambda: section._progress.value() > 700)
    screen.take("fine_tune")
    screen.wait(20 * seconds, until=lambda: not session.is_busy)
    print(section._result.text())
    screen.take("fine_tuned")


def segment(screen):
    """Segment the whole image with the new model."""
    (section,) = screen.show_only("Segment")
    for name in ("Nuclei preview", "Nuclei annotation", "Nuclei regions"):
        screen.viewer.layers[name].visible = False
    section._button.click()
    screen.wait(120, until=lambda: not screen.dock.session.is_busy)
    prediction = screen.viewer.layers["Nuclei prediction"]
    screen.viewer.layers.selection.active = prediction
    screen.take("segment")


def evaluate(screen, truth):
    """Compare with the truth of the whole image."""
    (section,) = screen.show_only("Evaluate")
    image = screen.viewer.layers["Nuclei"]
    layer = screen.viewer.add_labels(
        truth, name="Nuclei truth", scale=image.scale, units=image.units
    )
    layer.visible = False
    section._true.setCurrentText("Nuclei truth")
    screen.viewer.layers["Nuclei prediction"].visible = False
    section._button.click()
    screen.wait(20, until=lambda: section._scores.rowCount() > 0)
    screen.take("evaluate")


def export(screen):
    """Write the prediction in every format."""
    (section,) = screen.show_only("Export")
    screen.viewer.layers["Nuclei truth errors"].visible = False
    screen.viewer.layers["Nuclei prediction"].visible = True
    section._labels.setCurrentText("Nuclei prediction")
    for box in section._formats.values():
        box.setChecked(True)
    with tempfile.TemporaryDirectory(prefix="results-") as folder:
        section._folder.setText(folder)
        section._button.click()
        screen.wait(30, until=section._button.isEnabled)
        screen.take("export")


if __name__ == "__main__":
    main()
