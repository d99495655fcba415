"""The course needs no network: a lesson runs where only this machine itself can be reached."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
BLOCKED = """
import socket

def local(address):
    return not isinstance(address, tuple) or address[0] in ("127.0.0.1", "::1", "localhost")

def refusing(method):
    def call(self, address, *rest):
        if not local(address):
            raise PermissionError(f"no network: {address}")
        return method(self, address, *rest)
    return call

for name in ("connect", "connect_ex"):
    setattr(socket.socket, name, refusing(getattr(socket.socket, name)))
lookup = socket.getaddrinfo
def getaddrinfo(host, *rest, **more):
    if host not in (None, "", "localhost", "127.0.0.1", "::1", b"localhost"):
        raise PermissionError(f"no network: {host}")
    return lookup(host, *rest, **more)
socket.getaddrinfo = getaddrinfo
"""


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """Kernels started from here on can reach this machine only."""
    (tmp_path / "sitecustomize.py").write_text(BLOCKED, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))


def execute(notebook):
    NotebookClient(notebook, kernel_name="python3", timeout=600).execute(cwd=str(NOTEBOOKS))


def test_a_lesson_runs_without_a_network(offline):
    execute(nbformat.read(NOTEBOOKS / "solutions" / "00_start_here.ipynb", as_version=4))


def test_the_network_is_really_shut(offline):
    cell = nbformat.v4.new_code_cell("import urllib.request\nurllib.request.urlopen('http://example.org', timeout=5)")
    with pytest.raises(CellExecutionError, match=r"no network: example\.org"):
        execute(nbformat.v4.new_notebook(cells=[cell]))
