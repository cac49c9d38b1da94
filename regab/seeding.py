"""One number for each purpose that a seed serves, so that no two purposes share a stream of random numbers."""

import hashlib


def stream_seed(seed: int, *purpose: object) -> int:
    """A 63-bit seed that depends on all arguments and nothing else."""
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
