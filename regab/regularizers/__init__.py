"""The methods: every file in this folder that does not begin with an underscore, but for ``base``, is one."""

from functools import cache

from regab.folder import classes_in
from regab.regularizers.base import Regularizer


@cache
def methods() -> dict[str, type[Regularizer]]:
    """All methods by name, in alphabetical order. Reads the files without importing torch."""
    return classes_in(__name__, __path__, Regularizer)


def first_field(cls: type[Regularizer]) -> str:
    """The field that ``reg.<method>=<value>`` means."""
    return next(iter(cls.__annotations__))
