"""The page on events: `python -m app.outbound.reference > docs/events.md`. A test compares the two."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID

from pydantic import BaseModel

from app.outbound import plan
from app.outbound.payloads import DATA, envelope
from app.outbound.vocabulary import EventType

_ID = UUID("0199f5a2-0000-7000-8000-000000000008")
_AT = datetime(2026, 11, 20, 10, 0, 2, tzinfo=UTC)

_HEAD = """# Events for your own systems

This page is generated from `app/outbound/`; do not edit it. Make it anew with
`python -m app.outbound.reference > docs/events.md`.

Makegood tells your own systems (a CRM, a data warehouse, a chat room) what happens: signed HTTP calls as
[Standard Webhooks](https://www.standardwebhooks.com) has them, so that any of its libraries can check them.

```sh
export MAKEGOOD_EVENTS__CRM__URL=https://crm.example/hooks/makegood
export MAKEGOOD_EVENTS__CRM__SECRET=whsec_…        # a JSON list while you rotate: each one signs
export MAKEGOOD_EVENTS__CRM__TYPES='["refund", "case.created"]'   # unset: all; a group is everything below it
export MAKEGOOD_EVENTS__CRM__STORES='["alpha"]'    # unset: all, and what is about no store
makegood events test crm
```

Any number of receivers, by key. Plain `http://` is refused unless the host is this machine itself. Makegood does not
look at what addresses a host has: whoever sets these variables decides whom it may call, so keep it from private
networks with your firewall where that matters.

## What is promised

- **An event is written in the same transaction as what it tells of.** What is rolled back is told to nobody; what is
  committed is told, whatever crashes afterwards.
- **At least once.** The header `webhook-id` (and `id` in the body) stays the same on every try and every replay: keep
  the ids that you have seen, for a week at least, and answer 2xx to a repeat.
- **In sequence for each case**, as far as that goes: the next event of a case is sent when the one before was taken.
  An event that your system itself refuses {holding} times (any answer but 408, 429, 502, 503, 504), about 35 minutes,
  is overtaken by the later ones; one that meets no answer, or one of these, holds the case's later ones until it is
  taken or given up. Replays come when they are asked for. `sequence` grows with each event of one case (with gaps):
  when it is smaller than one you have seen of that case, the news is old. Between cases there is no sequence.
- **Nothing waits for you.** Each receiver has its own loop with at most 8 calls under way in each worker, and no
  transaction is open during a call: a slow or dead receiver holds up no case, no money and no other receiver.
- **Signed freshly on each try**, with the time of the try in `webhook-timestamp`, so that an old event is not refused.

## How to answer

Any 2xx within {seconds:g} seconds: store the event, answer, work afterwards. Redirects are not followed. 410 disables
the receiver until `makegood events test <key>` (or the API's test) enables it. Everything else is tried again:
{tries} tries in all, after
{waits}, each give or take {jitter:.0%};
`Retry-After` is honoured up to 24 hours. Then, or when 84 hours are over, the event is `failed` and can be replayed.

When {pause} tries in a row fail, only one event at a time is tried, and up to five minutes are left between two tries;
the first success sends everything that waits. `makegood events test <key>` is such a try. No restart is needed.

`GET /api/v1/events/receivers` (or `makegood events receivers`) shows how each fares; `GET /api/v1/events/{{id}}` shows
every try with the first 1024 bytes of the answer.

## Replaying

`POST /api/v1/events/{{id}}/replay`, `POST /api/v1/events/replay` for a stretch of up to 31 days (`failed_only` after a
long outage), `makegood events replay`. Events are kept for `MAKEGOOD_RETENTION_EVENT_DAYS` (30). **A receiver that is
added later** gets what happened before by such a replay, as far back as events were kept. While no receiver at all is
configured no event is written; what happened then is in each case's audit trail (`GET /api/v1/cases/{{id}}/events`) and
cannot be replayed.

## What is in an event

Ids, words, times and amounts. **Nothing about the customer**: no name, address, mail address, phone number, note,
photo, tracking number, or text of a mail. Of what `GET /cases/{{id}}` answers an event has only `id`, `reference`,
`state`, `store`, `supplier`, `order` (the store's id and number), `route`, `remedy`, the reasons as words, and for
refunds and credits the amounts; ask the API for the rest. `actor` is the kind of party (`customer`, `operator`,
`supplier`, `policy`, `store`, `makegood`), never who. New fields may be added; ignore those you do not know.

A refund's next event after `refund.unknown` is one of `succeeded`, `rejected`, `needs_review`, or `unknown` again.
Stores in a dry run tell their events too: they are told to you, not to the store.

## Types

| type | when |
| --- | --- |
"""


def sample(model: type[BaseModel]) -> dict[str, Any]:
    """An instance put together from the examples of its fields."""
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        inner = next((one for one in (field.annotation, *get_args(field.annotation)) if _is_model(one)), None)
        values[name] = sample(inner) if inner is not None else (field.examples or [None])[0]
    shown: dict[str, Any] = model.model_validate(values).model_dump(mode="json")
    return shown


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def example(type_: EventType) -> dict[str, Any]:
    """What is posted for this type."""
    data = sample(DATA[type_])
    group, _, word = type_.partition(".")
    if group == "refund":
        status = {"voided": "void"}.get(word, word)
        data["refund"]["status"] = status
        proven = status in ("succeeded", "rejected", "void")
        data["refund"]["settled_at"] = data["refund"]["settled_at"] if proven else None
        data["refund"]["store_refund_id"] = data["refund"]["store_refund_id"] if status == "succeeded" else None
    if group == "credit":
        data["credit"] |= {"status": word, "paid": {"amount": "12.50" if word == "paid" else "0.00", "currency": "EUR"}}
    if type_ is EventType.CASE_CREATED:
        data["case"] |= {"state": "requested", "route": None}
    if type_ is EventType.CASE_NEEDS_ATTENTION:
        data["case"]["state"] = "contested"
    return envelope(_ID, type_, 48, _AT, data)


def page() -> str:
    """The whole page in Markdown."""
    *most, last = [_spoken(wait.total_seconds()) for wait in plan.WAITS]
    head = _HEAD.format(
        holding=plan.HOLDING_REFUSALS,
        seconds=15,
        tries=len(plan.WAITS) + 1,
        waits=f"{', '.join(most)} and {last}",
        jitter=plan.JITTER,
        pause=plan.PAUSE_AFTER,
    )
    rows = "".join(f"| [`{one}`](#{_anchor(one)}) | {one.meaning} |\n" for one in EventType)
    shown = "".join(
        f"\n### {one}\n\n```json\n{json.dumps(example(one), indent=2, ensure_ascii=False)}\n```\n" for one in EventType
    )
    return f"{head}{rows}\n## Examples\n{shown}"


def _spoken(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def _anchor(name: str) -> str:
    return name.replace(".", "")


if __name__ == "__main__":
    sys.stdout.write(page())
