"""The official Node package in `node/`, installed when it is needed."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.benchmarks.bench import SHOPIFY_SECRET, Bench, Served

_FOLDER = Path(__file__).parent / "node"


@contextlib.contextmanager
def node_peer(bench: Bench) -> Iterator[Served | str]:
    """The peer on a database of its own; or why there is none here."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        yield "there is no Node here"
        return
    folder = bench.folder / "node"
    shutil.copytree(_FOLDER, folder, dirs_exist_ok=True)
    install = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
    done = subprocess.run(install, cwd=folder, capture_output=True, timeout=300, check=False)
    if done.returncode != 0:
        yield "its packages could not be installed"
        return
    database = urlsplit(bench.fresh_database())
    settings = {
        "PGHOST": parse_qs(database.query)["host"][0],
        "PGUSER": database.username or "postgres",
        "PGDATABASE": database.path.lstrip("/"),
        "PEER_SECRET": SHOPIFY_SECRET,
        "NODE_ENV": "production",
    }
    with bench.process([node, str(folder / "server.js")], settings) as served:
        served.url = served.until("listening on").split()[2]
        yield served
