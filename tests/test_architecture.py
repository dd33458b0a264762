"""Who may import whom: import-linter's contracts hold, and no module slips past them by not being listed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert command, "import-linter is not installed"
    return subprocess.run([command, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_every_contract_holds() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("contract", "module", "planted"),
    [
        ("pure", "money.py", "import sqlalchemy"),
        ("pure", "policy/law/calendar.py", "import httpx"),
        ("adapters", "stores/woocommerce.py", "from app.cases import service"),
        ("services", "cases/service.py", "from app.stores import shopify"),
        ("endpoints", "orders/endpoints.py", "from app.cases import endpoints"),
        ("sandbox-inside", "sandbox/faults.py", "from app.settings import Settings"),
        ("sandbox-outside", "orders/service.py", "from app.sandbox import faults"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(tmp_path: Path, contract: str, module: str, planted: str) -> None:
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "app" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{planted}\n")
    done = lint(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{CONTRACTS[contract]['name']} BROKEN" in " ".join(done.stdout.split())


def modules(*patterns: str) -> set[str]:
    """The names of the modules whose files match."""
    files = [file for pattern in patterns for file in (ROOT / "app").glob(pattern)]
    assert files
    return {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files}


def test_every_pure_module_is_under_the_contract() -> None:
    pure = modules("*/states.py", "*/reconcile.py", "*/normalise_*.py", "*/rules.py", "*/signatures.py")
    pure |= modules("stores/asked.py", "stores/base.py", "suppliers/base.py")
    assert pure <= set(CONTRACTS["pure"]["source_modules"])


def test_every_adapter_is_under_the_contract() -> None:
    adapters = modules("stores/shopify*.py", "stores/woocommerce*.py")
    assert adapters <= set(CONTRACTS["adapters"]["source_modules"])
