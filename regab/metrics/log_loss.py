"""Log loss: the mean cross-entropy, whatever a task minimizes."""

from regab.metrics._classes import log_losses
from regab.metrics.base import Mean


class LogLoss(Mean):
    """mean(−log pᵧ), p = softmax(outputs): the loss of a plain classification. Range: [0, inf), in nats."""

    direction = "down"
    label = "log loss"
    range = "[0, inf)"
    tasks = ("classification",)
    each = staticmethod(log_losses)
