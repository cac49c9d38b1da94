"""``regab predict``: what a trained model says of new examples."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile

from regab.arguments import Arguments
from regab.errors import CannotWrite, UsageError
from regab.prediction.choice import the_best, the_run
from regab.records.files import write_atomically
from regab.records.printable import printable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from regab.prediction.trained import Predicted

TEXT = """\
Predict by the model of a run, from its folder alone: the data it was trained on are not needed. Examples are read as
the training data were: a table with the same columns (in any order; .csv, .tsv, .parquet, …), texts, image files or a
folder of images, arrays (.npy, .npz). Where they have labels, metrics are shown too.
"""
ENDING, PROGRAM = ".predictions.csv", "regab predict"
TABLES, ARRAYS = (".csv", ".tsv", ".parquet"), (".npz", ".npy")


def parser() -> Arguments:
    """What ``regab predict`` understands."""
    made = Arguments(prog=PROGRAM, description=TEXT, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("run", type=Path, metavar="DIR", help="the folder of a run; with --best, of a sweep")
    made.add_argument("given", nargs="+", metavar="FILE", help="what to predict: a file, a folder, or several images")
    made.add_argument("--best", action="store_true", help="by the variant of a sweep that does best on validation data")
    made.add_argument("--metric", help="what is best, as val_loss; default: the headline on validation data")
    made.add_argument("--keep", metavar="COLUMNS", help="columns of the table to write before predictions: a,b or all")
    made.add_argument("--probabilities", action="store_true", help="of a segmentation: those of every pixel too")
    made.add_argument("--device", help="cpu, cuda or mps; default: that of training, if it is there")
    where = f"file to write (.csv, .tsv, .parquet, .npz), - for here; FILE{ENDING}"
    made.add_argument("--out", metavar="FILE", help=where)
    return made


def predict(words: Sequence[str]) -> int:
    """``regab predict``. Raises UsageError, CannotWrite."""
    asked = parser().parse_args([*words])
    if asked.metric and not asked.best:
        raise UsageError(f"predict: --metric {asked.metric} is for --best")
    folder = _best(asked.run, asked.metric) if asked.best else the_run("predict", asked.run)
    given = asked.given[0] if len(asked.given) == 1 else asked.given
    out = _out(asked.out, asked.given[0])
    if out and any(out.resolve() == Path(name).resolve() for name in asked.given):
        raise UsageError(f"predict: --out {asked.out}: is what is to be predicted; write to another file")
    from regab.prediction.trained import Trained

    trained = Trained(folder, asked.device)
    trained.check(asked.probabilities, out and out.suffix.lower() in ARRAYS)
    found = trained.predict(given, asked.probabilities)
    if found.maps and asked.out is None:
        out = out and out.with_suffix(ARRAYS[0])
    _write(_with_columns(found, asked.keep), found.maps, out)
    for note in found.said:
        _say(note)
    for name, value in found.metrics.items():
        _say(f"{name}: {value:.6g}")
    if out is not None:
        print(printable(f"{len(found.frame)} predictions by {folder}: {out}"))
    return 0


def _best(folder: Path, metric: str | None) -> Path:
    run, why = the_best("predict", folder, metric)
    _say(why)
    return run


def _say(words: str) -> None:
    print(printable(words, but=""), file=sys.stderr)


def _out(asked: str | None, given: str) -> Path | None:
    """Beside what was given, by itself. Raises UsageError for a file of another kind."""
    if asked == "-":
        return None
    if asked is None:
        path = Path(given)
        return path.absolute().with_name(f"{path.absolute().name if path.is_dir() else path.stem}{ENDING}")
    if Path(asked).suffix.lower() not in (*TABLES, *ARRAYS):
        raise UsageError(f"predict: --out {asked}: must end with one of {', '.join((*TABLES, *ARRAYS))}")
    return Path(asked)


def _with_columns(found: Predicted, keep: str | None) -> pd.DataFrame:
    """Predictions behind those columns of the table that are to be kept. Raises UsageError."""
    if keep is None:
        return found.frame
    if found.given is None:
        raise UsageError(f"predict: --keep {keep}: is for tables, and these are none")
    names = list(found.given) if keep == "all" else [name.strip() for name in keep.split(",")]
    for name in names:
        if name not in found.given:
            raise UsageError(f"predict: --keep {name}: the table has no such column; it has {', '.join(found.given)}")
    if twice := [name for name in names if name in found.frame]:
        if keep != "all":
            raise UsageError(f"predict: --keep {twice[0]}: predictions have a column of that name; rename the table's")
        _say(f"left out of the table: {', '.join(twice)}; predictions have columns of that name")
    return found.given[names].drop(columns=twice).join(found.frame)


def _write(frame: pd.DataFrame, maps: dict[str, np.ndarray], out: Path | None) -> None:
    if out is None:
        print(frame.to_csv(index=False), end="")
        return
    content: Any = frame.to_csv(index=False, sep="\t" if out.suffix.lower() == ".tsv" else ",")
    if out.suffix.lower() == ".parquet":
        content = _parquet(frame)
    if out.suffix.lower() in ARRAYS:
        content = _arrays(frame, maps, out.suffix.lower())
    if not out.parent.is_dir():
        raise CannotWrite(f"{out}: cannot be written (there is no folder {out.parent})")
    write_atomically(out, content)


def _arrays(frame: pd.DataFrame, maps: dict[str, np.ndarray], ending: str) -> bytes:
    """The maps, in .npz with the columns; in .npy what is predicted alone."""
    import numpy as np

    written = io.BytesIO()
    if ending == ".npy":
        np.save(written, maps["prediction"])
        return written.getvalue()
    columns = {str(name): column.to_numpy() for name, column in frame.items()}
    words = {name: column.astype(str) for name, column in columns.items() if column.dtype.kind not in "fiub"}
    with ZipFile(written, "w", ZIP_DEFLATED) as archive:  # numpy.savez takes no array of the name "file"
        for name, array in (columns | words | maps).items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)
    return written.getvalue()


def _parquet(frame: pd.DataFrame) -> bytes:
    try:
        return frame.to_parquet(None, index=False)
    except ImportError as error:
        raise UsageError(f"predict: --out …parquet needs pyarrow ({error}); or write .csv") from error
