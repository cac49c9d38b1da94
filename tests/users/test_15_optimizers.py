"""Use 15: somebody has an optimizer, a warm-up and rates per layer of their own recipe."""

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

WORDS = ("model=mlp", "model.widths=[16,16]", "data.n_train=150", "epochs=3", "device=cpu")
RECIPES = {
    "AdamW": ("optimizer=adamw", "optimizer.lr=1e-3,1e-2"),
    "RMSprop": ("optimizer=rmsprop", "optimizer.lr=1e-3,1e-2"),
    "one of torch.optim": ("optimizer._target_=torch.optim.RAdam", "optimizer.lr=1e-3,1e-2"),
    "closures": ("optimizer._target_=torch.optim.LBFGS", "batch_size=150", "reg.l2=0,0.1"),
    "warm-up": ("schedule.warmup=0.3", "optimizer.lr=1e-3,1e-2"),
    "rates per layer": ("optimizer.layer_decay=1,0.65", "optimizer.groups={output: 2}"),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_swept_with_a_verdict(regab, recipe):
    done = regab("train", "-m", *WORDS, *RECIPES[recipe], "--seeds", "3")
    assert done.code == 0, done.err
    effects = pd.read_csv(done.folder / "effects.csv")
    assert effects["n"].tolist() == [3, 3]
    assert effects["mean_difference"].iloc[1] != 0
