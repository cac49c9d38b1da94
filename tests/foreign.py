"""Networks as users bring them, which know nothing of regab."""

import warnings

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import prune
from torch.utils.checkpoint import checkpoint


class Plain(nn.Module):
    """Activations as layers; one of them serves twice."""

    def __init__(self, in_features, num_classes, hidden: int = 16):
        super().__init__()
        self.output = nn.Linear(hidden, num_classes)  # not in the order of use
        self.relu = nn.ReLU()
        self.fc1, self.fc2 = nn.Linear(in_features, 2 * hidden), nn.Linear(2 * hidden, hidden)

    def forward(self, x):
        return self.output(self.relu(self.fc2(self.relu(self.fc1(x.flatten(1))))))


class WithDropout(nn.Module):
    """Convolutions, view instead of flatten, dropout and norm of its own; one dropout layer serves twice."""

    def __init__(self, in_channels, num_classes):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(in_channels, 4, 3), nn.Conv2d(4, 6, 3)
        self.bn = nn.BatchNorm2d(4)
        self.drop2d, self.drop = nn.Dropout2d(0.2), nn.Dropout(0.5)
        self.fc, self.output = nn.Linear(6 * 4 * 4, 12), nn.Linear(12, num_classes)

    def forward(self, x):
        x = self.drop2d(torch.relu(self.bn(self.conv1(x))))
        x = self.drop(torch.relu(self.conv2(x)))
        x = x.view(x.size(0), -1)
        return self.output(self.drop(torch.relu(self.fc(x))))


class Normed(nn.Module):
    """Batch norms between few units, whose kernels add in an order that depends on how many there are."""

    def __init__(self, in_features, num_classes):
        super().__init__()
        self.fc1, self.norm1 = nn.Linear(in_features, 16), nn.BatchNorm1d(16)
        self.fc2, self.norm2 = nn.Linear(16, 12), nn.BatchNorm1d(12)
        self.act, self.output = nn.ReLU(), nn.Linear(12, num_classes)

    def forward(self, x):
        h = self.act(self.norm1(self.fc1(x.flatten(1))))
        return self.output(self.act(self.norm2(self.fc2(h))))


class NormedByFunction(nn.Module):
    """The same where it cannot be seen."""

    def __init__(self, in_features, num_classes):
        super().__init__()
        self.fc, self.scale, self.output = (
            nn.Linear(in_features, 5),
            nn.Parameter(torch.ones(5)),
            nn.Linear(5, num_classes),
        )

    def forward(self, x):
        h = functional.batch_norm(self.fc(x.flatten(1)), None, None, self.scale, training=True)
        return self.output(torch.relu(h))


class Padded(nn.Module):
    """Pixels as words, of which one is padding."""

    def __init__(self, in_features, num_classes):
        super().__init__()
        self.words, self.output = nn.Embedding(18, 8, padding_idx=0), nn.Linear(8, num_classes)

    def forward(self, x):
        return self.output(torch.tanh(self.words(x.flatten(1).add(3).mul(3).long().clamp(0, 17)).mean(1)))


class Functional(nn.Module):
    """Everything but the weights in calls of functions, where nothing can be found or switched off."""

    def __init__(self, in_features, num_classes):
        super().__init__()
        self.fc, self.output = nn.Linear(in_features, 16), nn.Linear(16, num_classes)

    def forward(self, x):
        return self.output(functional.dropout(functional.relu(self.fc(x.flatten(1))), 0.5, self.training))


class DataDependent(nn.Module):
    """A branch on a value."""

    def __init__(self, in_features, num_classes):
        super().__init__()
        self.fc, self.act, self.output = nn.Linear(in_features, 16), nn.GELU(), nn.Linear(16, num_classes)

    def forward(self, x):
        h = self.act(self.fc(x.flatten(1)))
        return self.output(h * 2 if h.mean() > 0 else h)


class NoBatchedKernel(nn.Module):
    """An operation that torch runs in a loop under vmap, and warns of once per process."""

    def __init__(self, in_features, num_classes):
        super().__init__()
        self.fc, self.output = nn.Linear(in_features, 16), nn.Linear(16, num_classes)

    def forward(self, x):
        h = self.fc(x.flatten(1)).view(-1, 1, 4, 4)
        return self.output(functional.scaled_dot_product_attention(h, h, h).flatten(1))


class Recurrent(nn.Module):
    """Rows of an image as a sequence."""

    def __init__(self, shape, classes):
        super().__init__()
        self.lstm, self.output = nn.LSTM(shape[-1], 12, 2, batch_first=True, dropout=0.5), nn.Linear(12, classes)

    def forward(self, x):
        return self.output(self.lstm(x[:, 0])[0][:, -1])


class Transformer(nn.Module):
    """torch's own layers, whose parts an evaluation without gradients passes by."""

    def __init__(self, shape, classes):
        super().__init__()
        layer = nn.TransformerEncoderLayer(shape[-1], 2, 16, dropout=0.3, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.output = nn.Linear(shape[-1], classes)

    def forward(self, x):
        return self.output(self.encoder(x[:, 0]).mean(1))


class Frozen(Plain):
    """A first layer that is not trained."""

    def __init__(self, in_features, num_classes):
        super().__init__(in_features, num_classes)
        self.fc1.requires_grad_(False)


class TwoOutputs(Plain):
    def forward(self, x):
        return x, super().forward(x)


class Replacing(Plain):
    """Keeps a running mean, not in place."""

    def __init__(self, in_features, num_classes):
        super().__init__(in_features, num_classes)
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, x):
        self.mean = 0.9 * self.mean + 0.1 * x.mean().detach()
        return super().forward(x - self.mean)


class Probable(Plain):
    """A softmax behind its logits."""

    def forward(self, x):
        return super().forward(x).softmax(-1)


class Fickle(Plain):
    """A softmax behind its logits where it is measured."""

    def forward(self, x):
        return super().forward(x) if self.training else super().forward(x).softmax(-1)


class Tempered(Plain):
    """A parameter that is a single number."""

    def __init__(self, in_features, num_classes):
        super().__init__(in_features, num_classes)
        self.temperature = nn.Parameter(torch.tensor(1.5))

    def forward(self, x):
        return super().forward(x) / self.temperature


class Mixed(Tempered):
    """Parameters of two types."""

    def __init__(self, in_features, num_classes):
        super().__init__(in_features, num_classes)
        self.temperature.data = self.temperature.double()

    def forward(self, x):
        return super().forward(x).float()


class Checkpointed(Plain):
    """Layers that pass again while gradients are taken."""

    def forward(self, x):
        return self.output(checkpoint(self.hidden, x.flatten(1), use_reentrant=False))

    def hidden(self, x):
        return self.relu(self.fc2(self.relu(self.fc1(x))))


class Hidden(nn.Module):
    """A layer in a list of Python's, which torch does not see."""

    def __init__(self, in_features, num_classes):
        super().__init__()
        self.layers, self.output = [nn.Linear(in_features, 16)], nn.Linear(16, num_classes)

    def forward(self, x):
        return self.output(torch.relu(self.layers[0](x.flatten(1))))


class RandomFeatures(nn.Module):
    """Frequencies that are drawn once and kept as nothing that a stack has of every run."""

    def __init__(self, in_features, num_classes):
        super().__init__()
        self.frequencies, self.output = torch.randn(in_features, 16), nn.Linear(16, num_classes)

    def forward(self, x):
        return self.output(torch.cos(x.flatten(1) @ self.frequencies))


class BufferedFeatures(RandomFeatures):
    """The same in a buffer."""

    def __init__(self, in_features, num_classes):
        super().__init__(in_features, num_classes)
        frequencies = self.frequencies
        del self.frequencies
        self.register_buffer("frequencies", frequencies, persistent=False)


class RandomDepth(nn.Module):
    """As many layers as the seed says."""

    def __init__(self, in_features, num_classes):
        super().__init__()
        width = int(torch.randint(4, 1000, ()))
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(in_features, width), nn.Linear(width, num_classes))

    def forward(self, x):
        return self.layers(x)


class Following(Plain):
    """A layer that is not trained and follows another in every step, as in momentum contrast."""

    def __init__(self, in_features, num_classes):
        super().__init__(in_features, num_classes)
        self.slow = nn.Linear(in_features, 16).requires_grad_(False)
        self.quick = nn.Linear(in_features, 16)

    def forward(self, x):
        x = x.flatten(1)
        if self.training:
            with torch.no_grad():
                self.slow.weight.mul_(0.1).add_(self.quick.weight, alpha=0.9)
        return self.output(torch.relu(self.quick(x)) + self.slow(x))


class Extracting(Plain):
    """A first layer that passes without gradients, and one that nothing passes."""

    def __init__(self, in_features, num_classes):
        super().__init__(in_features, num_classes)
        self.spare = nn.Linear(3, 3, bias=False)

    def forward(self, x):
        with torch.no_grad():
            h = self.relu(self.fc1(x.flatten(1)))
        return self.output(self.relu(self.fc2(h)))


class Nothing(nn.Module):
    """A layer that returns none, as some of Hugging Face's Perceiver do."""

    def forward(self, x):
        return None


class Taciturn(Plain):
    """With such a layer."""

    def __init__(self, in_features, num_classes):
        super().__init__(in_features, num_classes)
        self.nothing = Nothing()

    def forward(self, x):
        self.nothing(x)
        return super().forward(x)


class Complex(Plain):
    """A parameter that is complex."""

    def __init__(self, in_features, num_classes):
        super().__init__(in_features, num_classes)
        self.phase = nn.Parameter(torch.ones(num_classes, dtype=torch.complex64))

    def forward(self, x):
        return (super().forward(x) * self.phase).real


class Scaled(Plain):
    """A tensor that was computed from a parameter when the model was made."""

    def __init__(self, in_features, num_classes):
        super().__init__(in_features, num_classes)
        self.scale = self.output.bias.exp()


class Unseeded(Plain):
    """Noise that no seed reaches, as of Hugging Face's Reformer."""

    def forward(self, x):
        torch.seed()
        return super().forward(x + torch.randn_like(x))


class OwnGenerator(Plain):
    """Noise of a generator of its own."""

    def __init__(self, in_features, num_classes):
        super().__init__(in_features, num_classes)
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, x):
        return super().forward(x + torch.randn(x.shape, generator=self.generator))


class Annealed(Plain):
    """A count of its own steps, which runs of a stack would share."""

    steps = 0

    def forward(self, x):
        self.steps += self.training
        return super().forward(x) * self.steps


class Counting(Annealed):
    """The same in a buffer, which is a run's own."""

    def __init__(self, in_features, num_classes):
        super().__init__(in_features, num_classes)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x):
        self.count += self.training
        return Plain.forward(self, x) * self.count


def normed_before(in_features, num_classes):
    """torch's old norm of weights, by a hook before the forward."""
    net = Plain(in_features, num_classes)
    net.fc1 = nn.utils.spectral_norm(net.fc1)
    return net


def pruned(in_features, num_classes):
    net = Plain(in_features, num_classes)
    prune.l1_unstructured(net.fc1, "weight", 0.5)
    return net


def scripted(in_features, num_classes):
    with warnings.catch_warnings(action="ignore"):  # it is deprecated
        return nn.Sequential(nn.Flatten(), torch.jit.script(nn.Linear(in_features, num_classes)))


def not_a_model(shape, classes):
    return lambda x: x
