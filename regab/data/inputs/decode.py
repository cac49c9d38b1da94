"""The text of a file, whatever it is encoded in, and what is said of files that hold none."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib

from regab.data.inputs.place import place
from regab.errors import UsageError

# The longer marks first: UTF-32's begins as UTF-16's does.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
NO_TEXT = {
    b"PK\x03\x04": "an Excel workbook or a zip file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"\x89HDF": "an HDF5 file",
    b"%PDF": "a PDF",
    b"SQLite": "a database",
    b"\x93NUMPY": "a NumPy array",
    b"<stata_dta>": "a Stata file",
    **{bytes([version, order, 1, 0]): "a Stata file" for version in range(0x69, 0x76) for order in (1, 2)},
    b"$FL2": "an SPSS file",
    b"$FL3": "an SPSS file",
    b"RDX": "an R data file",
    b"X\n\x00\x00": "an R data file",
    b"MATLAB 5.0": "a MATLAB file",
    **{bytes([0x80, version]): "a pickle of Python's" for version in range(2, 6)},
}
PACKED = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ": lzma.decompress}
PROBE = 4096  # bytes by which UTF-16 without a mark is told


def read_text(path: str, source: str, encoding: str = "auto") -> str:
    """What a file says. ``auto``: as its byte order mark has it, else UTF-8, or UTF-16 by its zeros.

    What gzip, bzip2, xz or zip (a single file) have packed is unpacked. ``source`` is how a complaint begins. Raises
    UsageError where the file cannot be read or holds no text.
    """
    content = text_of(path, source, "CSV")
    chosen = encoding_of(content) if encoding == "auto" else _known(encoding)
    try:
        return content.decode(chosen)
    except UnicodeDecodeError as error:
        own = "" if source.startswith("data.") else "save it as UTF-8"  # a file to predict has no options
        raise UsageError(f"{source}{_place(content, error.start, chosen, own)}") from error


def encoding_as(path: str, trained: str) -> str:
    """What a further file is read in: as the training file was, unless it shows that it is UTF-8 or UTF-16."""
    content = b"" if trained == "auto" else _content(path, path)
    if content.isascii():
        return trained
    try:
        content.decode(encoding_of(content))
    except UnicodeDecodeError:
        return trained
    return "auto"


def text_of(path: str, source: str, cure: str) -> bytes:
    """The bytes of a file of text, unpacked. Raises UsageError where it holds none, and should be saved as ``cure``."""
    content = _content(path, source)
    if kind := next((kind for mark, kind in NO_TEXT.items() if content.startswith(mark)), None):
        raise UsageError(f"{source}: is {kind}, and not text; save it as {cure}")
    return content


def _content(path: str, source: str) -> bytes:
    if place(path).is_dir():
        raise UsageError(f"{source}: is a folder, not a file")
    try:
        content = place(path).read_bytes()
        unpack = next((unpack for mark, unpack in PACKED.items() if content.startswith(mark)), bytes)
        return _only_file(unpack(content))
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        # damaged or encrypted archives; NUL in a path
        raise UsageError(f"{source}: cannot be read ({getattr(error, 'strerror', None) or error})") from error


def _only_file(content: bytes) -> bytes:
    """What a zip file has packed if it is a single file; anything else as it is. Raises ValueError."""
    if not content.startswith(b"PK\x03\x04") or not zipfile.is_zipfile(io.BytesIO(content)):
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        files = [name for name in packed.namelist() if not name.endswith("/") and "__MACOSX" not in name]
        return packed.read(files[0]) if len(files) == 1 else content


def _known(encoding: str) -> str:
    try:
        "".encode(encoding)  # a codec of bytes, as base64, is none of texts
    except LookupError as error:
        raise UsageError(f"data.encoding={encoding}: unknown encoding; as utf-8, utf-16, latin-1 or cp1252") from error
    return encoding


def encoding_of(content: bytes) -> str:
    """What a text is encoded in, by its byte order mark or its zeros; else UTF-8."""
    if marked := next((name for mark, name in MARKS.items() if content.startswith(mark)), None):
        return marked
    even, odd = content[:PROBE:2].count(0), content[1:PROBE:2].count(0)
    half = len(content[:PROBE]) / 2
    if max(even, odd) > 0.7 * half and min(even, odd) < 0.1 * half:
        return "utf-16-be" if even > odd else "utf-16-le"
    return "utf-8"


def _place(content: bytes, start: int, encoding: str, own: str) -> str:
    line, shown = content[:start].count(b"\n") + 1, encoding.removesuffix("-sig").upper()
    cure = "if it was saved on Windows, set data.encoding=cp1252" if shown == "UTF-8" else "set another data.encoding"
    return f", line {line}: is not a text file in {shown} (byte {start}); {own or cure}"
