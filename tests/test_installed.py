"""What pip installs works as the checkout does: the command, the samples and the pages, from an empty folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tarfile
import time
import urllib.request
import zipfile
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.conftest import ROOT

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
ENVIRONMENT |= {"STREAMLIT_SERVER_HEADLESS": "true"}
# A page as a session sees it, and the settings that are in force once there is an app, as in the server.
PAGE = """
import streamlit as st
from streamlit.testing.v1 import AppTest
from recidiv_core.places import APP
st.App(APP)
settings = [st.get_option("client.showErrorDetails"), st.get_option("server.address")]
page = AppTest.from_file(str(APP), default_timeout=60).run()
print(APP, *settings, [title.value for title in page.title], len(page.exception), sep="|")
"""


def pip(*arguments: object, cwd: Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The source distribution, and the wheel that is built from it without a network."""
    folder = tmp_path_factory.mktemp("packages")
    leave = shutil.ignore_patterns(".git", ".venv", "build", "*.egg-info", "__pycache__", "shared")
    shutil.copytree(ROOT, folder / "checkout", ignore=leave)
    build = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
    command = [sys.executable, "-c", build, str(folder)]
    subprocess.run(command, check=True, cwd=folder / "checkout", capture_output=True)
    (source,) = folder.glob("*.tar.gz")
    pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", folder, source, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    return source, wheel


@pytest.fixture(scope="module")
def scripts(packages, tmp_path_factory):
    """The folder of commands where the wheel is installed beside what this environment has."""
    venv = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    places = sysconfig.get_paths(vars={"base": str(venv), "platbase": str(venv)})
    scripts, library = Path(places["scripts"]), Path(places["purelib"])
    python = scripts / Path(sys.executable).name
    pip("--python", python, "install", "--no-deps", "--no-index", packages[1], cwd=venv)
    (library / "beside.pth").write_text(sysconfig.get_path("purelib"))  # whose own .pth, to the checkout, is not read
    return scripts


@pytest.fixture
def recidiv(scripts, tmp_path):
    """Run something of the installed copy in an empty folder."""

    def run(command: str, *arguments: str) -> subprocess.CompletedProcess:
        command = shutil.which(command, path=scripts)
        return subprocess.run([command, *arguments], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True)

    return run


def test_nothing_is_left_out_and_nothing_lies_beside_the_package(packages):
    source, wheel = packages
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "recidiv_core").rglob("*.*")}
    package = {name for name in package if "__pycache__" not in name and "/." not in name}
    top = [ROOT / "app.py", ROOT / ".streamlit" / "config.toml", *(ROOT / "pages").glob("*.py")]
    top += [path for path in (ROOT / "sample_data").iterdir() if path.is_file()]
    shipped = {f"recidiv_core/shipped/{path.relative_to(ROOT).as_posix()}" for path in top}
    assert {name for name in names if ".dist-info/" not in name} == package | shipped
    licences = {name.split(".dist-info/licenses/")[1] for name in names if "/licenses/" in name}
    assert licences == {"LICENSE", "THIRD_PARTY_NOTICES.md"}
    with tarfile.open(source) as archive:
        assert {"LICENSE", "requirements.txt"} <= {name.split("/", 1)[-1] for name in archive.getnames()}


def test_the_command_audits_a_sample_and_hands_on_its_exit_status(recidiv, tmp_path):
    assert "sample:nc_releases\t" in recidiv("recidiv", "samples").stdout
    gate = ("--fail-on", "cannot-conclude")
    done = recidiv("recidiv", "audit", "sample:nc_releases", "--pdf", "audit.pdf", *gate)
    assert done.returncode == 1 and "1,445 rows" in done.stdout, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["audit.pdf"]
    assert (tmp_path / "audit.pdf").read_bytes().startswith(b"%PDF")


def test_it_serves_the_pages_with_our_settings(recidiv, scripts, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [shutil.which("recidiv", path=scripts), "serve", "--port", str(port)]
    with (tmp_path / "log.txt").open("wb") as log:
        server = subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, stdout=log, stderr=subprocess.STDOUT)
    try:
        page = recidiv("python", "-c", PAGE)
        assert page.returncode == 0, page.stderr
        app, *settings, title, exceptions = page.stdout.strip().split("|")
        assert Path(app).is_relative_to(scripts.parent) and settings == ["none", "127.0.0.1"]
        assert title == "['Does this model treat people alike?']" and exceptions == "0"
        for path in ("/health", "/"):
            assert answers(f"http://127.0.0.1:{port}{path}", server), (tmp_path / "log.txt").read_text()
    finally:
        server.terminate()
        server.wait(timeout=20)


def answers(url: str, server: subprocess.Popen) -> bool:
    """Whether it answers 200, once the server has started."""
    for _ in range(240):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status == 200
        except HTTPError:
            return False
        except OSError:
            if server.poll() is not None:
                return False
            time.sleep(0.25)
    return False
