"""How sure a prediction is, read from its probabilities."""

import numpy as np
from scipy.special import entr


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Return the entropy of the classes at each pixel.

    Of an average over versions this is the whole predictive uncertainty: the doubts of
    the versions (the mean of their entropies) and how much they contradict each other
    (`Average.disagreement`) [1]_.

    Parameters
    ----------
    probabilities : ndarray, shape (K, ...)
        Of K classes. Those of a sigmoid head, which need not add up to 1, are divided
        by their sum.

    Returns
    -------
    ndarray of float32, shape (...)
        0 where one class is certain, 1 where all are equally likely.

    References
    ----------
    .. [1] Depeweg, Hernández-Lobato, Doshi-Velez & Udluft (2018). Decomposition of
           Uncertainty in Bayesian Deep Learning. ICML. arXiv:1710.07283

    Examples
    --------
    >>> entropy(np.array([[1.0, 0.5], [0.0, 0.5]]))
    array([0., 1.], dtype=float32)
    """
    total = probabilities.sum(axis=0)
    shares = np.divide(probabilities, total, where=total > 0, out=probabilities * 0)
    nats = entr(shares).sum(axis=0)
    share: np.ndarray = np.clip(nats / np.log(len(probabilities)), 0, 1)
    return np.asarray(share, np.float32)


class Average:
    """The mean of the probabilities of several versions of an image.

    With only one version, as most often, nothing is added up and nothing disagrees.

    Parameters
    ----------
    versions : int
        How many there will be.
    """

    def __init__(self, versions: int) -> None:
        self._versions, self._count = versions, 0
        self._sum: np.ndarray = np.zeros(())
        self._doubt: np.ndarray = np.zeros(())

    def add(self, probabilities: np.ndarray) -> None:
        """Add a version's probabilities (K, ...)."""
        self._count += 1
        self._sum = self._sum + probabilities if self._count > 1 else probabilities
        if self._versions > 1:
            self._doubt = self._doubt + entropy(probabilities)

    @property
    def probabilities(self) -> np.ndarray:
        """The mean of the versions so far, (K, ...)."""
        mean: np.ndarray = self._sum / np.float32(self._count)
        return mean

    @property
    def disagreement(self) -> np.ndarray | None:
        """The mutual information of class and version, float32 (...), 0 to 1.

        The entropy of the mean less the mean of the entropies: 0 where all versions say
        the same, however doubtful it is. None if there is but one version.

        References
        ----------
        .. [1] Houlsby, Huszár, Ghahramani & Lengyel (2011). Bayesian Active Learning
               for Classification and Preference Learning. arXiv:1112.5745
        .. [2] Wang et al. (2019). Aleatoric uncertainty estimation with test-time
               augmentation for medical image segmentation with convolutional neural
               networks. Neurocomputing. :doi:`10.1016/j.neucom.2019.01.103`
        """
        if self._versions == 1:
            return None
        shared = entropy(self.probabilities) - self._doubt / self._count
        return np.maximum(shared, 0).astype(np.float32)
