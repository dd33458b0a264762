"""Past orders and requests from a file: JSON lines, one order a line. `docs/simulate.md` shows every key.

The parent process only cuts the file into batches of lines; each line is read where it is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from pydantic import ValidationError

from app.errors import Invalid
from app.money import BadAmount, Money, currency_exponent
from app.orders.snapshot import Extra, Fulfilment, Line, OrderSnapshot, Platform
from app.policy.question import AskedLine, History, Present, Question, SupplierTerms
from app.whatif.orders_schema import AskedIn, OrderIn, RequestIn, StoryIn, SupplierIn
from app.whatif.past import PastCase, Story
from app.whatif.terms import KnownSupplier

BATCH = 200


class BadOrdersFile(Invalid):
    """A file of past orders that cannot be read. The text names file, line and key."""

    code = "bad_orders_file"
    title = "The file of past orders cannot be read"


@dataclass(frozen=True, slots=True)
class LinesBatch:
    """Some lines of the file, from line `first` on. `suppliers` are those that are configured."""

    source: str
    first: int
    lines: tuple[str, ...]
    suppliers: Mapping[str, KnownSupplier]

    @property
    def size(self) -> int:
        """How many orders."""
        return len(self.lines)

    def cases(self) -> Iterator[PastCase]:
        """One case for each request. Raises `BadOrdersFile`."""
        for number, line in enumerate(self.lines, self.first):
            if line.strip():
                try:
                    yield from _cases(OrderIn.model_validate_json(line), self.suppliers)
                except (ValidationError, BadAmount) as error:
                    raise BadOrdersFile(f"{self.source}:{number}: {_what(error)} (see docs/simulate.md).") from None


def orders_file(path: Path, suppliers: Mapping[str, KnownSupplier]) -> Iterator[LinesBatch]:
    """The batches of a file. Raises `BadOrdersFile` when it cannot be opened or is no text."""
    try:
        with path.open(encoding="utf-8") as file:
            first, lines = 1, []
            for number, line in enumerate(file, 1):
                lines.append(line)
                if len(lines) == BATCH:
                    yield LinesBatch(str(path), first, tuple(lines), suppliers)
                    first, lines = number + 1, []
            if lines:
                yield LinesBatch(str(path), first, tuple(lines), suppliers)
    except OSError as error:
        raise BadOrdersFile(f"{path} cannot be opened ({error.strerror}); give --orders a file that exists.") from None
    except UnicodeDecodeError:
        raise BadOrdersFile(f"{path} is not text in UTF-8; save it as UTF-8, one JSON object a line.") from None


def _what(error: ValidationError | BadAmount) -> str:
    if isinstance(error, BadAmount):
        return error.detail
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _cases(order: OrderIn, suppliers: Mapping[str, KnownSupplier]) -> Iterator[PastCase]:
    snapshot = _snapshot(order)
    for request in order.requests:
        yield PastCase(
            question=_question(order, snapshot, request, suppliers),
            story=_story(order.currency, request.story),
            store=order.store,
        )


def _snapshot(order: OrderIn) -> OrderSnapshot:
    lines = tuple(
        Line(
            line_id=line.id,
            title=line.title or line.sku or line.id,
            quantity=line.quantity,
            total=_minor(line.total, order.currency),
            shop_total=None
            if line.shop_total is None
            else _minor(line.shop_total, order.shop_currency or order.currency),
            sku=line.sku,
            vendor=line.vendor,
        )
        for line in order.lines
    )
    shipping = _minor(order.shipping, order.currency)
    total = sum(line.total for line in lines) + shipping
    return OrderSnapshot(
        platform=Platform.SHOPIFY,
        order_id=order.id,
        number=order.id,
        currency=order.currency,
        exponent=currency_exponent(order.currency),
        total=total,
        captured=total,
        status="paid",
        placed_at=order.placed_at,
        updated_at=order.placed_at,
        lines=lines,
        extras=(Extra("shipping", "shipping", "shipping", shipping),) if shipping else (),
        fulfilments=tuple(
            Fulfilment(str(number), "", parcel.dispatched_at, parcel.delivered_at, lines=parcel.lines)
            for number, parcel in enumerate(order.parcels)
        ),
        shop_currency=order.shop_currency,
        country=order.country,
        region=order.region,
        company=order.company,
    )


def _question(
    order: OrderIn, snapshot: OrderSnapshot, request: RequestIn, suppliers: Mapping[str, KnownSupplier]
) -> Question:
    return Question(
        order=snapshot,
        lines=tuple(_asked(snapshot, asked) for asked in request.lines),
        remedy=request.remedy,
        supplier=_terms(request.supplier, suppliers, order.currency),
        declared_at=request.declared_at,
        now=request.declared_at,
        history=History(
            orders=request.customer.orders,
            cases=request.customer.cases,
            spent=_minor(request.customer.spent, order.currency),
            refunded=_minor(request.customer.refunded, order.currency),
        ),
        evidence=Present(request.evidence.photos, request.evidence.answers),
    )


def _asked(snapshot: OrderSnapshot, asked: AskedIn) -> AskedLine:
    line = next(line for line in snapshot.lines if line.line_id == asked.line)
    value = line.total * asked.quantity // line.quantity
    return AskedLine(asked.line, asked.quantity, asked.reason, value, asked.quantity)


def _terms(
    supplier: str | SupplierIn | None, suppliers: Mapping[str, KnownSupplier], currency: str
) -> SupplierTerms | None:
    if supplier is None:
        return None
    if isinstance(supplier, str):
        known = suppliers.get(supplier.lower())
        return known.terms_in(currency, currency_exponent(currency)) if known else SupplierTerms(supplier.lower())
    below = None if supplier.returnless_below is None else _minor(supplier.returnless_below, currency)
    return SupplierTerms(**{**supplier.model_dump(), "returnless_below": below})


def _story(currency: str, told: StoryIn) -> Story:
    return Story(
        evidence=Present(told.evidence.photos, told.evidence.answers) if told.evidence else None,
        sends=told.sent,
        sends_days=told.sends_days,
        way_back_days=told.way_back_days,
        authorise_days=told.authorise_days,
        verdict_days=told.verdict_days,
        silent=told.silent,
        accepted=told.accepted_percent,
        paid_by_person=told.paid_by_person,
        freight=None if told.freight is None else _minor(told.freight, currency),
    )


def _minor(amount: Decimal, currency: str) -> int:
    """Minor units. Raises `BadAmount` for more digits than the currency has."""
    return Money.parse(amount, currency).minor
