"""Options of the commands that are none of Hydra's."""

import argparse
from pathlib import Path
from typing import NoReturn

from regab.errors import UsageError


class Arguments(argparse.ArgumentParser):
    """A parser whose complaints are those of regab: UsageError in a line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog.removeprefix('regab ')}: {message}")

    def add_folder(self) -> None:
        """The folder that the command is about."""
        self.add_argument("folder", type=Path, metavar="DIR", help="the folder of a sweep or of a single run")
