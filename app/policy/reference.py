"""Every key of a policy as a page of documentation: `python -m app.policy.reference > docs/policy-keys.md`."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from enum import Enum
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from app.policy.conditions import SAMPLE
from app.policy.model import Policy, Say
from app.policy.terms import Amounts

_HEAD = """# Keys of a policy file

This page is generated from the models in `app/policy/model.py`; do not edit it. A test compares the two. Make it anew
with `python -m app.policy.reference > docs/policy-keys.md`. What the keys are for: [policy.md](policy.md).

Amounts are tables by currency with decimal text: `{ EUR = "15.00", USD = "16.00" }`. Reasons are those of a request:
`changed_mind`, `defective`, `damaged_in_transit`, `not_as_described`, `wrong_item`, `wrong_size`, `wrong_variant`,
`missing_parts`, `lost`, `late`, `other`. `say` is `{ en = "…", fr = "…", he = "…" }`.
"""
_TABLE = "| key | default | meaning |\n| --- | --- | --- |"


def page() -> str:
    """The whole page in Markdown."""
    plain, sections = [], []
    for name, field in Policy.model_fields.items():
        model = _model(field)
        if model is None or model is Amounts:
            plain.append(_row(name, field))
        else:
            many = str(field.annotation).startswith("tuple")
            title = f"`[[{name}]]`, any number" if many else f"`[{name}]`"
            rows = [_row(one.alias or key, one) for key, one in model.model_fields.items()]
            sections.append("\n".join([f"## {title}\n", (model.__doc__ or "").strip() + "\n", _TABLE, *rows, ""]))
    return "\n".join([_HEAD, f"## The file\n\n{_TABLE}", *plain, "", *sections, _conditions()])


def _model(field: FieldInfo) -> type[BaseModel] | None:
    kinds = [field.annotation, *get_args(field.annotation)]
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _row(key: str, field: FieldInfo) -> str:
    meaning = " ".join(str(field.description or _say(field)).split()).replace("|", "\\|")
    return f"| `{key}` | {_default(field.default)} | {meaning} |"


def _say(field: FieldInfo) -> str:
    return (Say.__doc__ or "").strip() if _model(field) is Say else ""


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "needed"
    if value is None or value in ((), frozenset(), {}, "") or (isinstance(value, Amounts) and not value):
        return "none"
    if isinstance(value, (frozenset, tuple)):
        written = [str(one.value if isinstance(one, Enum) else one) for one in value]
        return ", ".join(f"`{one}`" for one in (sorted(written) if isinstance(value, frozenset) else written))
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, Decimal) else f"`{value.value if isinstance(value, Enum) else value}`"


def _conditions() -> str:
    rows = [
        f"| `{root}.{name}` | {'truth' if isinstance(value, bool) else 'number' if isinstance(value, int) else 'text'} "
        f"| `{str(value).lower() if isinstance(value, bool) else json.dumps(value)}` |"
        for root, names in SAMPLE.items()
        for name, value in names.items()
    ]
    head = "## What conditions may look at\n\n| name | kind | for example |\n| --- | --- | --- |"
    return "\n".join([head, *rows, ""])


if __name__ == "__main__":
    sys.stdout.write(page())
