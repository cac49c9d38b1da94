"""Use 1: somebody fine-tunes torchvision's resnet18 on pictures of their own, from a file of weights, body frozen."""

import json

import pytest
import torch

pytestmark = pytest.mark.slow

LOADER = """
import torch
from regab.data.split import Source, Split

def load(size: int = 32):
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(120) % 3
    return Source(Split(torch.randn(120, 3, size, size, generator=generator) + y[:, None, None, None], y), classes=3)
"""


def test_a_frozen_resnet_from_a_file_learns_by_its_head_alone(regab, tmp_path):
    from torchvision.models import resnet18

    (tmp_path / "pictures_1.py").write_text(LOADER)
    torch.manual_seed(1)
    weights = resnet18().state_dict()
    torch.save(weights, tmp_path / "resnet18.pth")
    words = ["data._target_=pictures_1.load", "data.test_fraction=0.2", "epochs=2", "device=cpu"]
    words += ["model._target_=torchvision.models.resnet18", "model.weights=resnet18.pth"]
    words += ["model.freeze=[conv1,bn1,layer1,layer2,layer3,layer4]", "optimizer.lr=0.01"]
    sweep = regab("train", "-m", *words, "reg.l2_sp=0,0.1", "seed=0,1")
    assert sweep.code == 0, sweep.err
    assert "new, as for 3 outputs: fc.bias, fc.weight" in sweep.out
    for file in sweep.folder.glob("*/result.json"):
        assert json.loads(file.read_text())["parameters"] == 3 * 513
    for file in sweep.folder.glob("*/model.pt"):
        after = torch.load(file, weights_only=True)
        assert all(torch.equal(after[n], t) for n, t in weights.items() if not n.startswith("fc."))
        resnet18(num_classes=3).load_state_dict(after)
