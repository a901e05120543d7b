"""Small label images to compare: drawn at random, or column by column."""

import hypothesis.extra.numpy as npst
import numpy as np
from hypothesis import strategies as st


@st.composite
def label_pairs(draw):
    """Two label images of the same ground; few labels, so that they overlap."""
    shape = draw(npst.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6))
    labels = npst.arrays(
        np.int32, shape, elements=st.sampled_from([0, 1, 2, 5, 70_000])
    )
    return draw(labels), draw(labels)


def cells(*columns, width=9, height=4):
    """Return objects 1, 2, … over whole columns (first, last) of a small image."""
    labels = np.zeros((height, width), np.uint16)
    for number, (first, last) in enumerate(columns, start=1):
        labels[:, first : last + 1] = number
    return labels


TRUE = cells((0, 3), (5, 8))
