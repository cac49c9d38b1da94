"""The tasks: every file in this folder that does not begin with an underscore, but for ``base``, is one."""

from functools import cache

from regab.errors import UsageError
from regab.folder import classes_in
from regab.tasks.base import Task


@cache
def tasks() -> dict[str, type[Task]]:
    """All tasks by name, in alphabetical order. Reads the files without importing torch."""
    return classes_in(__name__, __path__, Task)


def task_named(name: str) -> type[Task]:
    """The task that a data set says it is. Raises UsageError."""
    if name not in tasks():
        raise UsageError(f"data: the task of a Source is {name!r}; it must be one of {', '.join(tasks())}")
    return tasks()[name]
