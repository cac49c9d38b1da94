"""MAE: the mean absolute error, in the units of the target."""

from regab.metrics._numbers import absolute_errors
from regab.metrics.base import Mean


class MAE(Mean):
    """mean |output − y|. Range: [0, inf), in the units of the target."""

    direction = "down"
    label = "MAE"
    range = "[0, inf)"
    tasks = ("regression",)
    each = staticmethod(absolute_errors)
