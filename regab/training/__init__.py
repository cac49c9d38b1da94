"""The training engine.

MKL's matrix products depend in their last bits on how operands are aligned in memory, and a run's rows are aligned
differently in every stack. Its reproducible mode, which must be chosen before the first product, ends that at no cost
that could be measured (0-2 % at this project's sizes).
"""

import os

os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
