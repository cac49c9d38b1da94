"""F1: the harmonic mean of precision and recall of a class, averaged over classes."""

from regab.metrics._classes import ByClass


class F1(ByClass):
    """mean over classes of 2·tp / (2·tp + fp + fn), over those that the split has or the model says (macro F1).

    Range: [0, 1]. Of two classes both count; that of one alone is ``f1_per_class``. Of several labels per
    example, the mean over labels of having them, over those that some example has.
    """

    label = "macro F1"
    function = "f1_score"
