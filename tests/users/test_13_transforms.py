"""Use 13: somebody augments images with torchvision's transforms."""

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

WORDS = ("model=cnn", "model.channels=[4]", "data.n_train=100", "epochs=2", "device=cpu")


@pytest.mark.parametrize("ops", ["[RandAugment]", "[{RandomAffine:{degrees:10}},RandomHorizontalFlip]"])
def test_transforms_by_name_are_swept_and_two_runs_of_one_seed_are_equal(regab, ops):
    done = regab("train", "-m", *WORDS, f"reg.transform.ops={ops}", "reg.transform=0,1", "seed=0,1")
    assert done.code == 0, done.err
    table = pd.read_csv(done.folder / "results.csv")
    alone = regab("train", *WORDS, f"reg.transform.ops={ops}", "reg.transform=1", "seed=1")
    assert alone.code == 0, alone.err
    row = table[(table["reg.transform.probability"] == 1) & (table["seed"] == 1)].iloc[0]
    last = pd.read_csv(alone.folder / "metrics.csv").iloc[-1]
    assert last["val_loss"] == row["last_val_loss"]
    plain = table[(table["reg.transform.probability"] == 0) & (table["seed"] == 1)].iloc[0]
    assert last["val_loss"] != plain["last_val_loss"]


def test_presets_by_name(regab):
    for preset in ("rand_augment", "trivial_augment", "random_erasing", "color_jitter"):
        done = regab("train", *WORDS, f"reg.{preset}=0.5")
        assert done.code == 0, done.err
