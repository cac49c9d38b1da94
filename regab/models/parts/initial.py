"""Initial weights, by one rule for all layers of any model."""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import init as rules

from regab.fields import choice


@dataclass
class Initialization:
    """What becomes of the weights that linear and convolutional layers begin with; their biases begin at 0.

    ``default`` leaves all as the model made it. With n incoming and m outgoing connections of a unit: ``xavier`` is
    uniform with variance 2/(n+m) (Glorot & Bengio 2010, AISTATS), ``kaiming`` normal with variance 2/n (He, Zhang, Ren
    & Sun 2015, ICCV), ``orthogonal`` a random matrix with orthonormal rows or columns (Saxe, McClelland & Ganguli 2014,
    ICLR). Embeddings and norms stay as they are.
    """

    init: str = choice("default", "xavier", "kaiming", "orthogonal")

    def __call__(self, model: nn.Module) -> None:
        """Draw the model's weights anew, in place, from torch's global generator."""
        if self.init != "default":
            for module in model.modules():
                for weight in _matrices(module):
                    self._draw(weight)
                bias = getattr(module, "bias", None)
                if isinstance(bias, nn.Parameter) and _matrices(module):
                    rules.zeros_(bias)

    def _draw(self, weight: Tensor) -> None:
        if self.init == "xavier":
            rules.xavier_uniform_(weight)
        elif self.init == "kaiming":
            rules.kaiming_normal_(weight)
        else:
            rules.orthogonal_(weight)


def _matrices(module: nn.Module) -> list[Tensor]:
    """The weights of a linear or convolutional layer."""
    if isinstance(module, nn.MultiheadAttention):  # its output projection is a linear layer of its own
        if module.in_proj_weight is None:
            return [module.q_proj_weight, module.k_proj_weight, module.v_proj_weight]
        return list(module.in_proj_weight.chunk(3))
    return [module.weight] if isinstance(module, nn.Linear | nn.modules.conv._ConvNd) else []
