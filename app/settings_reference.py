"""Every setting as a page of documentation: `python -m app.settings_reference > docs/configuration.md`."""

from __future__ import annotations

import sys
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.settings import Settings
from app.settings_events import ReceiverSettings
from app.settings_load import PREFIX
from app.settings_store import StoreSettings
from app.settings_supplier import SupplierSettings

_HEAD = """# Settings

This page is generated from the models in `app/settings*.py`; do not edit it. A test compares the two. Make it anew with
`python -m app.settings_reference > docs/configuration.md`.

Settings are environment variables. The same keys may stand in a TOML file named by `MAKEGOOD_CONFIG_FILE`
(`[stores.alpha]` with `platform = "shopify"` is `MAKEGOOD_STORES__ALPHA__PLATFORM=shopify`), and in a file `.env` in
the working folder. The environment wins over `.env`, and `.env` over the TOML file. An unknown key is an error that
names the nearest known one. Keys of stores and suppliers are lower case in paths and answers. Plain `http://` is
refused unless the host is this machine itself.
"""
_TABLE_HEAD = "| variable | default | meaning |\n| --- | --- | --- |"


def page() -> str:
    """The whole page in Markdown."""
    service = [
        _row(f"{PREFIX}{name.upper()}{'__<NAME>' if name.startswith('api_key') else ''}", field)
        for name, field in Settings.model_fields.items()
        if name not in {"stores", "suppliers", "events"}
    ]
    return "\n".join(
        [
            _HEAD,
            _section("The service", service),
            _section("A store", _rows(StoreSettings, "STORES")),
            "A Shopify store needs `DOMAIN`, `CLIENT_SECRET` and either `CLIENT_ID` or `ACCESS_TOKEN`. A WooCommerce",
            "site needs `URL`, `CONSUMER_KEY`, `CONSUMER_SECRET` and `WEBHOOK_SECRET`.\n",
            _section("A supplier", _rows(SupplierSettings, "SUPPLIERS")),
            _section("A receiver of events", _rows(ReceiverSettings, "EVENTS")),
        ]
    )


def _section(title: str, rows: list[str]) -> str:
    return "\n".join([f"## {title}\n", _TABLE_HEAD, *rows, ""])


def _rows(model: type[BaseModel], group: str) -> list[str]:
    return [_row(f"{PREFIX}{group}__<KEY>__{name.upper()}", field) for name, field in model.model_fields.items()]


def _row(variable: str, field: FieldInfo) -> str:
    meaning = f"{field.description or ''}{_limits(field)}".replace("|", "\\|")
    return f"| `{variable}` | {_default(field)} | {meaning} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    if field.default_factory is not None:
        return "the platform's user data folder"
    return "none" if field.default in (None, [], {}) else f"`{_written(field.default)}`"


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _limits(field: FieldInfo) -> str:
    bounds = {
        name: value
        for one in field.metadata
        for name in ("ge", "le")
        if (value := getattr(one, name, None)) is not None
    }
    if len(bounds) == 2:
        return f" From {bounds['ge']} to {bounds['le']}."
    return f" At least {bounds['ge']}." if "ge" in bounds else ""


if __name__ == "__main__":
    sys.stdout.write(page())
