"""How often people blink, estimated from clips of a few seconds.

A clip of five seconds without a blink does not show a person who never blinks. Rates of people are
taken to be gamma-distributed and blinks of one person to be a Poisson process (empirical Bayes;
Robbins, 1956): the shorter a clip is, the nearer is its person's rate to the mean of all people.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln


def estimate_rates(counts: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """(N,) blinks a minute of the people of N clips, from (N,) blinks seen in (N,) seconds."""
    shape, doubt = fit_people(counts, seconds)
    return 60 * (shape + counts) / (doubt + seconds)


def fit_people(counts: np.ndarray, seconds: np.ndarray) -> tuple[float, float]:
    """The gamma distribution of people's rates of highest likelihood.

    Returns:
        Its shape, and its rate in seconds: a clip of this length says as much of a person as
        people in general do.
    """

    def surprise(logarithms: np.ndarray) -> float:
        shape, rate = np.exp(logarithms)
        likelihood = (
            gammaln(shape + counts)
            - gammaln(shape)
            + shape * np.log(rate)
            - (shape + counts) * np.log(rate + seconds)
        )
        return -float(likelihood.sum())

    # Begins at people who blink as often as the mean, doubted as much as a clip of usual length.
    usual = float(np.mean(seconds))
    begin = np.log([usual * max(float(np.sum(counts)), 1) / float(np.sum(seconds)), usual])
    shape, rate = np.exp(minimize(surprise, begin, method="Nelder-Mead").x)
    return float(shape), float(rate)
