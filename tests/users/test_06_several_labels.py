"""Uses 6 and 7: somebody predicts several labels of an example, several numbers, an interval or ratings."""

import numpy as np
import pytest

pytestmark = pytest.mark.slow
QUICK = (
    "data=csv",
    "data.path=shop.csv",
    "model=mlp",
    "model.widths=[16]",
    "epochs=12",
    "optimizer.lr=0.01",
    "device=cpu",
)


@pytest.fixture
def shop(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 3))
    noisy = x + 0.2 * random.normal(size=x.shape)
    p = np.exp(2 * noisy) / np.exp(2 * noisy).sum(1, keepdims=True)
    columns = {
        **dict(zip("abc", x.T.round(4), strict=True)),
        "tea": (noisy[:, 0] > 0.5).astype(int),
        "cake": np.where(noisy[:, 1] > 1, "yes", "no"),
        "price": (1000 + 300 * noisy[:, 0]).round(2),
        "weight": noisy[:, 2].round(3),
        **dict(zip(("likes", "neutral", "dislikes"), p.T.round(4), strict=True)),
        "rating": np.array(["poor", "fair", "good"])[1 + (noisy[:, 0] > 0.5) - (noisy[:, 0] < -0.5)],
    }
    rows = [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    (tmp_path / "shop.csv").write_text("\n".join([",".join(columns), *rows]) + "\n")
    return lambda *labels: "data.ignore=[" + ",".join(c for c in [*columns][3:] if c not in labels) + "]"


@pytest.mark.parametrize(
    ("labels", "task", "factor", "measured"),
    [
        (("tea", "cake"), ("task=multilabel",), "task.class_weights=none,balanced", "test balanced accuracy"),
        (("price", "weight"), (), "task.delta=inf,0.5", "test RMSE"),
        (("price",), ("task=quantile",), "task.tau=0.5,0.9", "test RMSE"),
        (("likes", "neutral", "dislikes"), ("task=soft_labels",), "reg.mixup=0,0.2", "test accuracy"),
        (("rating",), ("task=ordinal", "task.order=[poor,fair,good]"), "task.focus=0,2", "test rank error"),
    ],
)
def test_several_labels_numbers_intervals_and_ratings_are_swept(regab, shop, labels, task, factor, measured):
    label = labels[0] if len(labels) == 1 else f"[{','.join(labels)}]"
    sweep = regab("train", "-m", *QUICK, f"data.label={label}", shop(*labels), *task, factor, "--seeds", "3")
    assert sweep.code == 0, sweep.err
    assert measured in sweep.out
    assert (sweep.folder / "report.html").is_file()
    assert regab("report", str(sweep.folder), "--metric", "val_loss").code == 0
