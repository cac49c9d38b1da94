"""The task's loss on clean data, in evaluation mode."""

from regab.metrics.base import Metric


class Loss(Metric):
    """What is minimized, apart from regularization: every task measures its own."""

    direction = "down"
    range = "[0, inf)"
