"""One number for each purpose that a seed serves, so that no two purposes share a stream of random numbers."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from regab.lazy import torch


def stream_seed(seed: int, *purpose: object) -> int:
    """A 63-bit seed that depends on all arguments and nothing else."""
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


@contextmanager
def seeded(seed: int, *purpose: object) -> Iterator[None]:
    """What draws from torch's, numpy's or Python's global generators draws by a seed; then they are as they were."""
    before = global_states()
    seed_globals(stream_seed(seed, *purpose))
    try:
        yield
    finally:
        restore_globals(before)


def seed_globals(seed: int) -> None:
    """Begin the global generators at a seed: 25 us."""
    import numpy as np

    # Of the CPU's alone, where CUDA is not in use: torch.manual_seed would keep a call for later every time.
    seed_torch = torch.manual_seed if torch.cuda.is_initialized() else torch.default_generator.manual_seed
    seed_torch(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


def global_states() -> list[Any]:
    """Where the global generators are; equal (see ``drawn_since``) as long as nothing has drawn from them."""
    import numpy as np

    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return [torch.get_rng_state(), np.random.get_state(), random.getstate(), cuda]


def restore_globals(states: list[Any]) -> None:
    import numpy as np

    torch.set_rng_state(states[0])
    np.random.set_state(states[1])
    random.setstate(states[2])
    if states[3]:
        torch.cuda.set_rng_state_all(states[3])


def drawn_since(states: list[Any]) -> bool:
    """Whether something has drawn from a global generator."""
    return _comparable(states) != _comparable(global_states())


def _comparable(states: list[Any]) -> list[Any]:
    torchs, (_, words, *place), pythons, cuda = states
    return [torchs.numpy().tobytes(), words.tobytes(), place, pythons, *(state.numpy().tobytes() for state in cuda)]
