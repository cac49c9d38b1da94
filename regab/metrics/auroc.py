"""AUROC: how probably an example of a class has a higher score for it than one of another."""

from regab.metrics._classes import Ranking


class AUROC(Ranking):
    """P(score of one of the class > score of another) + ½·P(equal), the area under the ROC curve.

    Of more than two classes the mean of each against the rest, over those that the split has. Range: [0, 1], 0.5 by
    chance; NaN where all examples are of one class. Paper: Hanley & McNeil 1982, Radiology; Fawcett 2006.
    """

    label = "AUROC"
    function = "auroc"
