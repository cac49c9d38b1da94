"""A wheel and a source archive that work from another folder."""

import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.conftest import python

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Both archives, the wheel made from the source archive."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(python("-m", "build", "--outdir", str(out), str(ROOT)), check=True, capture_output=True)
    return out


def test_the_wheel_carries_the_configuration_and_runs_from_another_folder(built, tmp_path):
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    page = [f"regab/report/page/html/{path.name}" for path in (ROOT / "regab/report/page/html").iterdir()]
    assert page
    assert {"regab/conf/config.yaml", "regab/command/script.yaml", "regab/py.typed", *page} <= {*names}
    assert not [n for n in names if n.startswith(("tests/", "conf/", "outputs/"))]
    site = tmp_path / "site"
    subprocess.run(python("-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel)), check=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    env = os.environ | {"PYTHONPATH": str(site)}
    code = "import regab, sys; assert 'site' in regab.__file__, regab.__file__; from regab.cli import main; main()"
    for words in (["list"], ["train", "epochs=1", "data.n_train=50"]):
        done = subprocess.run(
            python("-c", code, *words), cwd=elsewhere, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert list(elsewhere.glob("outputs/run/*/result.json"))


def test_the_source_archive_has_what_the_wheel_is_made_from(built):
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        names = {n.partition("/")[2] for n in file.getnames()}
    assert {"conf/config.yaml", "regab/cli.py", "README.md", "LICENSE", "pyproject.toml"} <= names
    assert not [n for n in names if n.startswith("outputs/")]
