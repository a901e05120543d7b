"""Segmenting: tiles as they come, sliders at once, and nothing of the user's lost."""

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

from napari_unet.core.config import ObjectConfig
from napari_unet.core.errors import InputError
from napari_unet.jobs import Outcome, Status
from napari_unet.segmented import TileLabels
from napari_unet.widgets.chosen import choose_image, chosen_layers
from napari_unet.widgets.extent_combo import LAYER, SLICE
from napari_unet.widgets.layers import find_layer
from napari_unet.widgets.overlay import show_overlay
from napari_unet.widgets.prediction_layer import PredictionLayer
from napari_unet.widgets.segment import NO_IMAGE, NO_MODEL, SegmentSection


@pytest.fixture
def make_section(qtbot, viewer, session, workflow, tmp_path):
    def make(layer):
        session.model_folder = tmp_path
        choose_image(viewer, layer)
        section = SegmentSection(session, viewer)
        qtbot.addWidget(section)
        section._where.setCurrentText(LAYER)
        return section

    return make


@pytest.fixture
def section(make_section, nuclei):
    return make_section(nuclei)


def segment(qtbot, section):
    section._button.click()
    wait_for_end(qtbot, section)


def wait_for_end(qtbot, section):
    qtbot.waitUntil(
        lambda: not section._session.is_busy and not section._finder.is_busy
    )


def test_without_image_or_model_it_says_what_to_do(
    qtbot, viewer, session, tmp_path, starters_folder
):
    section = SegmentSection(session, viewer)
    qtbot.addWidget(section)
    assert section._hint.text() == NO_IMAGE
    choose_image(viewer, viewer.add_image(np.zeros((5, 5))))
    assert section._hint.text() == NO_MODEL
    assert not section._button.isEnabled()
    session.model_folder = tmp_path
    assert section._hint.text() == ""
    assert section._button.isEnabled()


def test_labels_lie_on_the_image_and_the_user_keeps_their_layer(
    qtbot, viewer, section, nuclei
):
    viewer.layers.selection.active = nuclei
    segment(qtbot, section)
    prediction = chosen_layers(viewer).prediction
    assert np.unique(prediction.data).tolist() == [0, 1, 2]
    assert prediction.name == "nuclei prediction"
    np.testing.assert_array_equal(prediction.extent.world, nuclei.extent.world)
    assert prediction.units == nuclei.units
    assert viewer.layers.selection.active is nuclei
    assert section._report.line.text() == "2 objects"
    assert section._button.text() == "Segment"


def test_tiles_appear_while_it_runs_and_stop_keeps_them(
    qtbot, viewer, section, workflow
):
    workflow.seconds_per_tile = 0.3
    section._button.click()
    qtbot.waitUntil(lambda: section._progress.value() >= 1)
    assert section._button.text() == "Stop"
    section._button.click()
    assert not section._button.isEnabled()
    wait_for_end(qtbot, section)
    data = chosen_layers(viewer).prediction.data
    assert data[:, :22].any()
    assert not data[:, 68:].any()
    assert section._session.segmentation is None
    assert "Stopped" in section._report.line.text()
    assert section._button.isEnabled()


def stop_after_a_tile(qtbot, section, workflow):
    workflow.seconds_per_tile = 0.5
    section._button.click()
    qtbot.waitUntil(lambda: section._progress.value() >= 1)
    section._button.click()
    wait_for_end(qtbot, section)
    workflow.seconds_per_tile = 0.0


def test_stop_gives_back_the_earlier_finished_result(
    qtbot, viewer, section, workflow, nuclei
):
    nuclei.data[40:44, 10:14] = 200
    section._session.objects = ObjectConfig(min_size=0)
    segment(qtbot, section)
    prediction = chosen_layers(viewer).prediction
    section._probabilities.click()
    shown = find_layer(viewer, nuclei, "probabilities")
    before, sure = prediction.data.copy(), shown.data.copy()
    stop_after_a_tile(qtbot, section, workflow)
    np.testing.assert_array_equal(prediction.data, before)
    np.testing.assert_array_equal(shown.data, sure)
    assert "earlier, finished result" in section._report.line.text()
    assert section._uncertainty.isEnabled()
    section._form.control("min_size").setValue(50)  # without the network
    wait_for_end(qtbot, section)
    assert prediction.data.max() == 2


def test_stop_of_another_image_keeps_its_tiles_and_the_sliders_of_the_first(
    qtbot, viewer, section, workflow, nuclei
):
    segment(qtbot, section)
    first = chosen_layers(viewer).prediction
    other = viewer.add_image(nuclei.data.copy(), name="other")
    choose_image(viewer, other)
    stop_after_a_tile(qtbot, section, workflow)
    second = find_layer(viewer, other, "prediction")
    assert "the finished tiles are shown" in section._report.line.text()
    assert second.data.any()
    stop_after_a_tile(qtbot, section, workflow)  # what was there is not finished
    assert "the finished tiles are shown" in section._report.line.text()
    assert first.data.max() == 2
    segment(qtbot, section)
    choose_image(viewer, nuclei)
    stop_after_a_tile(qtbot, section, workflow)  # and that is not the last one's
    assert first.data.max() == 2
    choose_image(viewer, nuclei)
    assert "earlier, finished result" in section._report.line.text()
    choose_image(viewer, other)
    assert section._uncertainty.isEnabled()


def test_the_preview_of_a_training_gives_way_to_the_result(
    qtbot, viewer, section, nuclei
):
    preview = show_overlay(viewer, nuclei, "preview", np.ones((60, 90)))
    segment(qtbot, section)
    assert preview in viewer.layers
    assert not preview.visible


def test_sliders_act_without_the_network(qtbot, viewer, section, workflow, nuclei):
    nuclei.data[40:44, 10:14] = 200
    section._session.objects = ObjectConfig(min_size=0)
    segment(qtbot, section)
    prediction = chosen_layers(viewer).prediction
    assert prediction.data.max() == 3
    section._form.control("min_size").setValue(50)
    wait_for_end(qtbot, section)
    assert prediction.data.max() == 2
    assert chosen_layers(viewer).prediction is prediction
    assert len(workflow.calls) == 1


def test_a_slider_moved_during_the_run_counts(qtbot, viewer, section, workflow, nuclei):
    nuclei.data[40:44, 10:14] = 200
    workflow.seconds_per_tile = 0.03
    section._session.objects = ObjectConfig(min_size=0)
    section._button.click()
    section._form.control("min_size").setValue(50)
    wait_for_end(qtbot, section)
    assert chosen_layers(viewer).prediction.data.max() == 2


def test_only_the_field_of_view(qtbot, viewer, section, workflow, nuclei):
    section._where.setCurrentText("Field of view")
    nuclei.corner_pixels = np.array([[5, 5], [34, 49]])
    segment(qtbot, section)
    assert workflow.calls == [((slice(5, 35), slice(5, 50)), None)]
    data = chosen_layers(viewer).prediction.data
    assert data[15, 15] == 1
    assert data[40, 70] == 0


def test_a_field_of_view_without_the_image_is_refused(
    section, workflow, nuclei, monkeypatch
):
    said = []
    monkeypatch.setattr("napari_unet.widgets.background.show_warning", said.append)
    section._where.setCurrentText("Field of view")
    nuclei.corner_pixels = np.zeros((2, 2), int)
    section._button.click()
    assert "Nothing of 'nuclei' is on the screen" in said[0]
    assert not section._session.is_busy


def test_one_slice_of_a_stack_leaves_the_others(
    qtbot, viewer, make_section, workflow, stack
):
    section = make_section(stack)
    segment(qtbot, section)
    data = chosen_layers(viewer).prediction.data
    assert data.any(axis=(1, 2)).tolist() == [False, True, False]
    stack.data[2, 5:15, 5:15] = 200
    viewer.dims.set_current_step(0, 2)
    section._where.setCurrentText(SLICE)
    segment(qtbot, section)
    assert workflow.calls[1] == (None, (2,))
    assert data.any(axis=(1, 2)).tolist() == [False, True, True]


def test_a_prediction_that_was_painted_on_is_kept(qtbot, viewer, section, nuclei):
    segment(qtbot, section)
    edited = chosen_layers(viewer).prediction
    edited.data_setitem((np.array([0]), np.array([0])), 9)
    section._form.control("min_size").setValue(0)
    wait_for_end(qtbot, section)
    segment(qtbot, section)
    assert edited.data[0, 0] == 9
    new = chosen_layers(viewer).prediction
    assert new is not edited
    assert edited in viewer.layers
    assert [edited.name, new.name] == ["nuclei prediction edited", "nuclei prediction"]
    assert find_layer(viewer, nuclei, "prediction") is new
    assert (edited.visible, new.visible) == (False, True)


def test_a_prediction_that_was_given_other_labels_is_kept(qtbot, viewer, section):
    segment(qtbot, section)
    edited = chosen_layers(viewer).prediction
    edited.data = np.full_like(edited.data, 9)
    section._form.control("min_size").setValue(0)
    qtbot.waitUntil(lambda: chosen_layers(viewer).prediction is not edited)
    assert (edited.data == 9).all()


@pytest.mark.parametrize("which", ["image", "prediction"])
def test_deleting_a_layer_during_the_run_harms_nothing(
    qtbot, viewer, section, workflow, nuclei, which
):
    workflow.seconds_per_tile = 0.3
    section._button.click()
    qtbot.waitUntil(lambda: section._progress.value() >= 1)
    gone = nuclei if which == "image" else chosen_layers(viewer).prediction
    viewer.layers.remove(gone)
    wait_for_end(qtbot, section)
    assert gone not in viewer.layers
    assert not notification_manager.records or all(
        "Error" not in str(record) for record in notification_manager.records
    )


def test_renaming_layers_during_the_run_harms_nothing(
    qtbot, viewer, section, workflow, nuclei
):
    workflow.seconds_per_tile = 0.03
    section._button.click()
    qtbot.waitUntil(lambda: section._progress.value() >= 1)
    nuclei.name = "renamed"
    chosen_layers(viewer).prediction.name = "mine"
    wait_for_end(qtbot, section)
    assert chosen_layers(viewer).prediction.name == "mine"
    assert chosen_layers(viewer).prediction.data.max() == 2


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (RuntimeError("odd"), "error", "Segment failed: odd"),
        (
            RuntimeError("CUDA out of memory"),
            "warning",
            "The graphics card has too little free memory for 'Segment'.",
        ),
    ],
)
def test_an_error_reaches_the_user_and_frees_the_button(
    qtbot, section, workflow, monkeypatch, error, kind, sentence
):
    shown = []
    monkeypatch.setattr(f"napari_unet.widgets.background.show_{kind}", shown.append)
    workflow.error = error
    segment(qtbot, section)
    assert [said.startswith(sentence) for said in shown] == [True]
    assert section._button.isEnabled()
    assert section._button.text() == "Segment"


def test_a_refused_image_leaves_the_viewer_as_it_was(
    qtbot, viewer, section, session, workflow, nuclei, monkeypatch
):
    monkeypatch.setattr("napari_unet.widgets.background.show_error", lambda text: None)
    workflow.error = InputError("The model reads 3 channels.")
    segment(qtbot, section)
    assert find_layer(viewer, nuclei, "prediction") is None

    workflow.error = None
    segment(qtbot, section)
    found = find_layer(viewer, nuclei, "prediction").data.copy()
    workflow.error = InputError("The model reads 3 channels.")
    segment(qtbot, section)
    np.testing.assert_array_equal(find_layer(viewer, nuclei, "prediction").data, found)
    # What is shown is the earlier segmentation, and the sliders act on that.
    session.objects = ObjectConfig(min_size=100_000)
    wait_for_end(qtbot, section)
    assert not find_layer(viewer, nuclei, "prediction").data.any()


def test_nothing_found_is_said_with_the_reason(qtbot, section, session):
    segment(qtbot, section)
    assert "othing is found" not in section._report.line.text()
    session.objects = ObjectConfig(min_size=100_000)
    qtbot.waitUntil(lambda: "Nothing is found" in section._report.line.text())
    assert "smaller than the smallest object, 100,000 px" in section._report.line.text()


def test_probabilities_on_request(qtbot, viewer, section, nuclei):
    assert not section._probabilities.isEnabled()
    segment(qtbot, section)
    section._probabilities.click()
    layer = find_layer(viewer, nuclei, "probabilities")
    np.testing.assert_array_equal(layer.data, nuclei.data > 0)


def test_uncertainty_on_request_and_where_versions_disagree(
    qtbot, viewer, section, session, nuclei
):
    assert not section._uncertainty.isEnabled()
    segment(qtbot, section)
    section._uncertainty.click()
    layer = find_layer(viewer, nuclei, "uncertainty")
    np.testing.assert_array_equal(layer.data, 0)  # the stand-in is always sure
    assert find_layer(viewer, nuclei, "disagreement") is None
    section._how._averaging.setCurrentText("7 angles")
    assert session.averaging == "7 angles"
    segment(qtbot, section)
    section._uncertainty.click()
    assert find_layer(viewer, nuclei, "uncertainty") is layer
    disagreement = find_layer(viewer, nuclei, "disagreement")
    np.testing.assert_array_equal(disagreement.data, 0.25)
    assert not disagreement.visible
    section._how._averaging.setCurrentText("none")
    segment(qtbot, section)
    section._uncertainty.click()
    assert disagreement not in viewer.layers


def test_a_tile_that_comes_again_for_another_version_keeps_its_colours(viewer, nuclei):
    shown = PredictionLayer(viewer, nuclei)
    shown.start(None)
    found = np.array([[1, 0, 2]])
    colours = []
    for columns in (slice(0, 3), slice(0, 3), slice(3, 6), slice(3, 6)):
        box = (slice(0, 1), columns)
        shown.show_tile(TileLabels(1, 4, None, box, found))
        colours.append(shown.layer.data[box].copy())
    np.testing.assert_array_equal(colours[0], colours[1])
    np.testing.assert_array_equal(colours[2], colours[3])
    assert set(colours[0].flat) & set(colours[2].flat) == {0}


def test_another_number_of_angles_is_shown(section, session):
    session.averaging = "12 angles"
    assert section._how._averaging.currentText() == "12 angles"
    session.averaging = "none"
    assert section._how._averaging.currentText() == "none"


def test_two_sections_of_one_viewer_do_not_write_twice(
    qtbot, viewer, section, session, nuclei
):
    other = SegmentSection(session, viewer)
    qtbot.addWidget(other)
    segment(qtbot, section)
    assert section._shown is not None
    assert other._shown is None
    assert other._report.line.text() == "2 objects"
    segment(qtbot, other)
    assert section._shown is None


@pytest.mark.gl
def test_closing_the_viewer_during_the_run_ends_cleanly(
    qtbot, make_napari_viewer, session, workflow, tmp_path
):
    viewer = make_napari_viewer()
    choose_image(viewer, viewer.add_image(np.ones((40, 40))))
    session.model_folder = tmp_path
    section = SegmentSection(session, viewer)
    viewer.window.add_dock_widget(section)
    workflow.seconds_per_tile = 0.3
    section._button.click()
    job = session.job
    qtbot.waitUntil(lambda: section._progress.value() >= 1)
    viewer.close()
    qtbot.waitUntil(lambda: not session.is_busy)
    assert job.is_cancelling
    assert not job.is_running


def test_stop_before_the_first_tile_claims_no_tile(section):
    section._progress.setValue(0)
    section._on_ended(Outcome(Status.CANCELLED))
    assert section._report.line.text() == "Stopped; no tile was finished."


def test_what_is_set_for_another_image_leaves_a_prediction_alone(
    qtbot, viewer, session, section, nuclei
):
    segment(qtbot, section)
    prediction = chosen_layers(viewer).prediction
    choose_image(viewer, viewer.add_image(np.ones((60, 90)), name="other"))
    assert not section._probabilities.isEnabled()
    assert not section._uncertainty.isEnabled()
    section._form.control("min_size").setValue(10_000)
    qtbot.wait(50)
    wait_for_end(qtbot, section)
    assert prediction.data.max() == 2
    choose_image(viewer, nuclei)
    assert section._probabilities.isEnabled()
    qtbot.waitUntil(lambda: not prediction.data.any())


def test_without_a_model_nothing_more_is_made_of_a_segmentation(
    qtbot, session, section, starters_folder
):
    segment(qtbot, section)
    session.model_folder = None
    assert not section._probabilities.isEnabled()
    assert not section._uncertainty.isEnabled()


def test_the_reason_of_a_refusal_stands_in_the_section(
    qtbot, viewer, section, nuclei, workflow
):
    workflow.error = InputError(
        "It has <3> channels (on the command line: --channels)."
    )
    segment(qtbot, section)
    assert not section._report.line.isHidden()
    assert "It has &lt;3&gt; channels." in section._report.line.text()
    section._on_plan_told("1 tile, 10 MB")  # an estimate that comes late
    assert "&lt;3&gt; channels" in section._report.line.text()


def test_stopping_is_shown_until_the_tile_is_done(qtbot, section, workflow):
    workflow.seconds_per_tile = 0.3
    section._button.click()
    qtbot.waitUntil(lambda: section._progress.value() > 0)
    section._button.click()
    assert section._progress.format().startswith("Stopping")
    wait_for_end(qtbot, section)
    section._button.click()
    assert section._progress.format() == "Starting …"
    section._button.click()
    wait_for_end(qtbot, section)


def test_without_its_image_a_segmentation_ends_and_leaves_nothing(
    qtbot, viewer, section, nuclei, workflow
):
    workflow.seconds_per_tile = 0.3
    section._button.click()
    qtbot.waitUntil(lambda: chosen_layers(viewer).prediction is not None)
    viewer.layers.remove(nuclei)
    wait_for_end(qtbot, section)
    assert [layer.name for layer in viewer.layers] == []
    assert section._report.line.text() == "Stopped: the image 'nuclei' was removed."


def test_what_was_said_of_an_image_comes_back_with_it(
    qtbot, viewer, section, workflow, nuclei
):
    segment(qtbot, section)
    report = section._report
    other = viewer.add_image(np.zeros((60, 90), np.uint8), name="50%pure")
    choose_image(viewer, other)
    assert report.isHidden()
    choose_image(viewer, nuclei)
    assert not report.isHidden()
    assert report.line.text() == "2 objects"
    # Also where another one is chosen while it runs; the bar then says which one does.
    workflow.seconds_per_tile = 0.1
    section._button.click()
    qtbot.waitUntil(lambda: section._progress.value() >= 1)
    assert "nuclei" not in section._progress.text()
    choose_image(viewer, other)
    assert section._progress.text().startswith("'nuclei': ")
    wait_for_end(qtbot, section)
    assert report.isHidden()
    choose_image(viewer, nuclei)
    assert report.line.text() == "2 objects"
    section._session.job = None
    again = SegmentSection(section._session, viewer)  # the dock, opened again
    qtbot.addWidget(again)
    assert again._report.line.text() == "2 objects"


def test_after_the_last_tile_the_bar_says_what_goes_on(section):
    tiles = [
        TileLabels(n, 2, None, (slice(0, 2),) * 2, np.zeros((2, 2))) for n in (1, 2)
    ]
    said = []
    for tile in tiles:
        section._progress.showTile(tile, "objects", averages=False)
        said.append(section._progress.text())
    assert said == ["1 of 2 tiles", "Making objects …"]


def test_stopping_does_not_claim_what_was_deleted(
    qtbot, viewer, section, workflow, nuclei
):
    workflow.seconds_per_tile = 0.2
    section._button.click()
    qtbot.waitUntil(lambda: section._progress.value() >= 1)
    viewer.layers.remove(find_layer(viewer, nuclei, "prediction"))
    section._button.click()
    wait_for_end(qtbot, section)
    assert section._report.line.text() == "Stopped; nothing of it is shown."
