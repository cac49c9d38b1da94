"""Tables of results as a sweep would leave them, without training anything."""

import numpy as np
import pandas as pd


def results(effects, seeds, noise=0.001, folder="sweep"):
    """A sweep of the factors in ``effects`` (levels and what they do), crossed, with seeds that each variant has."""
    levels = pd.MultiIndex.from_product([list(of) for of in effects.values()], names=list(effects)).to_frame(
        index=False
    )
    rows = []
    for values in levels.to_dict("records"):
        for seed in range(seeds if isinstance(seeds, int) else seeds(values)):
            random = np.random.default_rng([seed, *map(ord, str(values))])
            value = 0.9 + sum(effects[f][level] for f, level in values.items()) + noise * random.standard_normal()
            name = ",".join(f"{k}={v}" for k, v in values.items())
            end = {"status": "finished", "reason": "", "selected_test_accuracy": value, "last_test_accuracy": value}
            rows.append(values | {"seed": seed, "fold": pd.NA} | end | {"folder": f"{folder}/{name},{seed}"})
    return pd.DataFrame(rows)
