"""The exceptions that are shown as one line, without a traceback."""


class UsageError(Exception):
    """A mistake that the user can mend: the line names the key, the value and the cure; exit code 2."""


class RunsFailed(Exception):
    """Some runs failed; the reasons have been reported and written. Exit code 1."""
