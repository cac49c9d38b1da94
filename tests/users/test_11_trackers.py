"""Use 11: somebody looks at curves in TensorBoard."""

import pytest

pytestmark = pytest.mark.slow


def test_the_curves_of_a_sweep_are_in_tensorboard(regab):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="pip install tensorboard"
    )
    words = ("model=mlp", "model.widths=[8]", "data.n_train=100", "epochs=2", "device=cpu", "tracker=tensorboard")
    done = regab("train", "-m", *words, "reg.dropout=0,0.5", "seed=0,1")
    assert done.code == 0, done.err
    runs = {file.parent for file in done.folder.rglob("*tfevents*")}
    losses = []
    for run in runs:
        events = accumulator.EventAccumulator(str(run))
        events.Reload()
        tags = [tag for tag in events.Tags()["scalars"] if "val_loss" in tag or "val/loss" in tag]
        losses += [len(events.Scalars(tag)) for tag in tags[:1]]
    assert len([n for n in losses if n >= 2]) >= 4
