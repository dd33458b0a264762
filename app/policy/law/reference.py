"""Every figure of the law packs as a page of documentation: `python -m app.policy.law.reference > docs/law.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from app.policy.law.library import Law, shipped
from app.policy.law.pack import Figure, written

_HEAD = """# The law packs

**Draft, needs counsel. Not legal advice.** This page is generated from the files in `app/policy/law/packs`; do not edit
it. A test compares the two. Make it anew with `python -m app.policy.law.reference > docs/law.md`.

How well a figure was checked: **text**: the law's text, or a page of the regulator or vendor itself, was read;
**secondary**: a law firm, a guide or a quotation was read; **unverified**: general knowledge or inference, nothing was
read. Where nothing is known the reading that favours the customer was taken, and the note says so.

- Which law: that of the customer's country, and state. A state of the European Union without a pack of its own has the
  Union's; a pack that adds to another is shown with its own figures only. Of an unknown country all laws are
  candidates, of an unknown state all of the country, and the strictest answer counts. A country without a pack has no
  figures: that is said, and the merchant's own policy decides. A known business has no consumer law.
- Days are the customer's calendar days in the main zone of the country; the start day does not count, and a last day
  ends at midnight. Holidays are those of the country as the library `holidays` knows them.
- A case keeps the version of the packs it was assessed with. A pack that changes gets a new version, and the one before
  moves to `app/policy/law/packs/past`.
"""
_TABLE_HEAD = "| figure | value | article | checked | note |\n| --- | --- | --- | --- | --- |"
_SECTIONS = {
    "counting": "Counting days",
    "withdrawal": "Withdrawal (change of mind)",
    "withdrawal_forbids": "Forbidden towards who withdraws",
    "non_conformity": "Goods that are not as agreed",
    "non_conformity_forbids": "Forbidden towards who complains of goods",
    "non_delivery": "Goods that do not come",
    "non_delivery_forbids": "Forbidden towards who was not delivered to",
    "function": "The online withdrawal function",
    "label_withdraw": "Label of the function",
    "label_confirm": "Label of its second step",
    "surcharge": "Surcharges for a late refund",
}


def page() -> str:
    """The whole page in Markdown."""
    laws = sorted(shipped().laws(), key=lambda law: [id_ for id_, _ in law.chain])
    return "\n".join([_HEAD, *(line for law in laws for line in _law(law))])


def _law(law: Law) -> Iterator[str]:
    pack = law.pack
    where = ", ".join(pack.applies.countries) + (
        f" ({', '.join(pack.applies.regions)})" if pack.applies.regions else ""
    )
    base = f" It adds to `{pack.extends}`." if pack.extends else ""
    yield f"## {pack.name}: `{pack.id}@{pack.version}`\n"
    yield f"As of {pack.as_of}; {pack.status}. Countries: {where}.{base}\n"
    for name, title in _SECTIONS.items():
        rows = [_row(rule, figure) for rule, figure in _figures(getattr(pack, name)) if figure.pack == pack.id]
        if rows:
            yield from (f"### {title}\n", _TABLE_HEAD, *rows, "")


def _figures(section: BaseModel | dict[str, Figure[Any]] | None) -> list[tuple[str, Figure[Any]]]:
    if section is None:
        return []
    found = (
        section.items() if isinstance(section, dict) else ((name, getattr(section, name)) for name in _names(section))
    )
    return [(str(name), figure) for name, figure in found if figure is not None]


def _names(section: BaseModel) -> list[str]:
    return list(type(section).model_fields)


def _row(rule: str, figure: Figure[Any]) -> str:
    cells = (f"`{rule}`", written(figure.value), figure.article, figure.confidence, figure.note)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    sys.stdout.write(page())
