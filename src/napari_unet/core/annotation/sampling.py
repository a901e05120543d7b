"""Where training patches are centred: how often on objects, how often elsewhere."""

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.config import SamplingConfig


def share_on_objects(config: SamplingConfig, objects: int, known: int) -> float:
    r"""Return the chance that a patch is centred on an object on purpose.

    All other patches are centred on any known pixel, which may be one of an object,
    too. With n known pixels, m of them of objects, and the chance s, a pixel of an
    object is a centre with probability :math:`s/m + (1-s)/n`, one of background with
    :math:`(1-s)/n`. Their ratio is 1 to v [1]_ for

    .. math:: s = \frac{(1 - v) m}{(1 - v) m + v n}.

    Parameters
    ----------
    config : SamplingConfig
        The rule, and its number.
    objects, known : int
        Pixels of objects, and pixels that count, those of objects included.

    Returns
    -------
    float
        From 0 to 1; 0 without objects.

    References
    ----------
    .. [1] Falk et al. (2019). U-Net: deep learning for cell counting, detection, and
           morphometry. Nature Methods 16. :doi:`10.1038/s41592-018-0261-2`

    Examples
    --------
    >>> share_on_objects(SamplingConfig(rule="density", background=0.1), 10, 100)
    0.47368421052631576
    """
    if objects == 0:
        return 0.0
    if config.rule == "share":
        return config.objects
    more = (1 - config.background) * objects
    return more / (more + config.background * known)


def sampling_density(
    classes: NDArray[np.integer], counts: NDArray[np.bool_], config: SamplingConfig
) -> NDArray[np.float32]:
    """Return how often each pixel is the centre of a patch.

    Parameters
    ----------
    classes : ndarray of int, shape ([Z,] Y, X)
        0 is background.
    counts : ndarray of bool, shape of `classes`
        Where the weight is above 0.
    config : SamplingConfig
        The rule, and its number.

    Returns
    -------
    ndarray of float32, shape of `classes`
        Relative to the pixel that is drawn most often: the rule 'density' gives 1 on
        objects, v on background and 0 where nothing counts.
    """
    on_object = counts & (classes > 0)
    objects, known = int(on_object.sum()), int(counts.sum())
    share = share_on_objects(config, objects, known)
    elsewhere = (1 - share) / max(known, 1)
    there = share / max(objects, 1) + elsewhere
    density = np.zeros(classes.shape, np.float32)
    density[counts] = elsewhere / there if there else 0
    density[on_object] = 1
    return density
