"""Text that is safe to show: in a terminal, whose control characters would be obeyed, and in a line."""


def printable(text: str, but: str = "\n") -> str:
    """The text with every character that cannot be printed written out (``\\x1b``), apart from those in ``but``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in but else _written_out(c) for c in text)


def _written_out(character: str) -> str:
    return character.encode("unicode_escape").decode()
