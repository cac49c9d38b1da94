"""Optimizers over the parameters ``[V, P]`` of a stack, each run with its own learning rate.

Nothing here decays weights or clips gradients: those are regularizers. ``torch.optim`` wants one learning rate for
all, and importing it costs 1.6 s of start-up; any class of it can be had all the same (``theirs``).
"""

from regab.training.optimizer.adaptive import Adagrad, NAdam, RMSprop
from regab.training.optimizer.base import Optimizer
from regab.training.optimizer.classic import SGD, Adam
from regab.training.optimizer.lion import Lion
from regab.training.optimizer.muon import Muon

__all__ = ["SGD", "Adagrad", "Adam", "Lion", "Muon", "NAdam", "Optimizer", "RMSprop"]
