"""The desk: every change is in the journal, and every step can be taken back."""

import random
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_unet.core.annotation.change import find_change
from napari_unet.core.errors import InputError
from napari_unet.desk import Desk

SHAPE = (3, 17, 23)


def stroke(draw):
    """A box of a value, as (layer, box, value)."""
    sides = []
    for size in SHAPE:
        start = draw(st.integers(0, size - 1))
        sides.append((start, draw(st.integers(start + 1, size))))
    return draw(st.sampled_from("ab")), tuple(sides), draw(st.integers(0, 3))


steps = st.lists(
    st.one_of(
        st.composite(lambda draw: stroke(draw))(),
        st.sampled_from(["undo", "redo", "reopen"]),
    ),
    max_size=25,
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps)
def test_steps_back_and_forward_give_what_was_there(tmp_path_factory, todo):
    path = tmp_path_factory.mktemp("desk") / "journal"
    desk = Desk(path)
    for layer in "ab":
        desk.begin(layer, SHAPE, np.dtype("uint16"))
    now = {layer: np.zeros(SHAPE, np.uint16) for layer in "ab"}
    past, future = [], []

    def kept():
        return {layer: array.copy() for layer, array in now.items()}

    for step in todo:
        if step == "reopen":
            desk.close()
            desk = Desk(path)
        elif step == "undo":
            assert (desk.undo() is not None) == bool(past)
            if past:
                future.append(kept())
                now = past.pop()
        elif step == "redo":
            assert (desk.redo() is not None) == bool(future)
            if future:
                past.append(kept())
                now = future.pop()
        else:
            layer, box, value = step
            before = kept()
            now[layer][tuple(slice(*side) for side in box)] = value
            if desk.note(layer, now[layer], box) is not None:
                past.append(before)
                future.clear()
        assert all(np.array_equal(desk.arrays[name], now[name]) for name in now)
    desk.close()


@given(st.composite(lambda draw: [stroke(draw) for _ in range(3)])())
def test_a_change_turns_one_array_into_the_other_and_lies_in_its_box(strokes):
    before = np.zeros(SHAPE, np.uint8)
    for _, box, value in strokes[:1]:
        before[tuple(slice(*side) for side in box)] = value
    after = before.copy()
    for _, box, value in strokes[1:]:
        after[tuple(slice(*side) for side in box)] = value
    change = find_change("a", before, after)
    if change is None:
        assert np.array_equal(before, after)
        return
    outside = np.ones(SHAPE, bool)
    outside[tuple(slice(*side) for side in change.box(SHAPE))] = False
    assert not (before != after)[outside].any()
    assert change.pixels == np.count_nonzero(before != after)
    array = before.copy()
    change.apply(array)
    assert np.array_equal(array, after)
    change.revert(array)
    assert np.array_equal(array, before)


def test_regions_are_noted_too(tmp_path):
    desk = Desk(tmp_path / "journal")
    assert desk.note_state("regions", [[0, 0, 5, 5]]) is not None
    assert desk.note_state("regions", [[0, 0, 5, 5]]) is None
    desk.note_state("regions", [])
    desk.undo()
    desk.close()
    with Desk(tmp_path / "journal") as again:
        assert again.states == {"regions": [[0, 0, 5, 5]]}


def test_an_unfinished_record_is_cut_off(tmp_path):
    path = tmp_path / "journal"
    desk = Desk(path)
    desk.begin("a", (9, 9), np.dtype("uint8"))
    painted = np.zeros((9, 9), np.uint8)
    for value in (1, 2, 3):
        painted[value] = value
        desk.note("a", painted)
    desk.close()
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        again = Desk(path)
        array = again.arrays.get("a", np.zeros((9, 9), np.uint8))
        known = int(array.max())
        expected = np.zeros((9, 9), np.uint8)
        for value in range(1, known + 1):
            expected[value] = value
        assert np.array_equal(array, expected)
        again.begin("a", (9, 9), np.dtype("uint8"))
        expected[7] = 9
        again.note("a", expected)
        again.close()
        with Desk(path) as once_more:
            assert np.array_equal(once_more.arrays["a"], expected)


def painted_thrice(path):
    painted = np.zeros((9, 9), np.uint8)
    with Desk(path) as desk:
        desk.begin("a", (9, 9), np.dtype("uint8"))
        for value in (1, 2, 3):
            painted[value] = value
            desk.note("a", painted)
    return painted


def test_zeros_that_a_power_cut_leaves_at_the_end_are_cut_off(tmp_path):
    painted = painted_thrice(tmp_path / "journal")
    with (tmp_path / "journal").open("ab") as file:
        file.write(bytes(4096))
    with Desk(tmp_path / "journal") as desk:
        assert np.array_equal(desk.arrays["a"], painted)
    assert len(list(tmp_path.iterdir())) == 1


def test_what_follows_a_damaged_record_is_kept_beside_the_journal(tmp_path):
    path = tmp_path / "journal"
    painted_thrice(path)
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 255
    path.write_bytes(whole)
    with Desk(path) as desk:
        assert desk.arrays["a"].max() < 3
    [aside] = tmp_path.glob("journal damaged*")
    assert whole.endswith(aside.read_bytes())


def test_what_is_no_journal_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary")
    with pytest.raises(InputError, match="is no journal"):
        Desk(path)
    assert path.read_text() == "Dear diary"


PAINTER = """
import sys, numpy as np
from pathlib import Path
from napari_unet.desk import Desk
desk = Desk(Path(sys.argv[1])); seed = int(sys.argv[2])
array = desk.arrays.get("a", np.zeros((200, 300), np.uint16)).copy()
desk.begin("a", array.shape, array.dtype)
rng = np.random.default_rng(seed)
print("ready", flush=True)
while True:
    y, x = rng.integers(0, 190), rng.integers(0, 290)
    array[y : y + 10, x : x + 10] = rng.integers(1, 1000)
    desk.note("a", array, ((int(y), int(y) + 10), (int(x), int(x) + 10)))
    print("noted", flush=True)
"""


def test_a_killed_painter_loses_no_stroke(tmp_path):
    path, rng = tmp_path / "journal", random.Random(0)
    expected = np.zeros((200, 300), np.uint16)
    for seed in range(6):
        painter = subprocess.Popen(
            [sys.executable, "-c", PAINTER, str(path), str(seed)],
            stdout=subprocess.PIPE,
        )
        assert painter.stdout.readline() == b"ready\n"
        time.sleep(rng.uniform(0, 0.05))
        painter.kill()
        said = painter.stdout.read().count(b"noted\n")
        painter.wait()
        painter.stdout.close()
        desk = Desk(path)
        numbers = np.random.default_rng(seed)
        states = []
        for _ in range(said + 2):
            states.append(expected.copy())
            y, x = numbers.integers(0, 190), numbers.integers(0, 290)
            expected[y : y + 10, x : x + 10] = numbers.integers(1, 1000)
        # All that was said to be noted; perhaps one more that was not yet said.
        found = desk.arrays["a"]
        matches = [np.array_equal(found, each) for each in states]
        assert any(matches[said:])
        expected = found.copy()
        desk.close()
