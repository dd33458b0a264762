"""One return can be followed: by one trace from webhook to money, and by one id through the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import select, text

from app import tracing
from app.logging import make_handler
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.webhooks.models import Delivery
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_stories import lamp, shopify_order, woo_order


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Traces are on, and end in memory."""
    exporter = InMemorySpanExporter()
    tracing.start_with(SimpleSpanProcessor(exporter), "test")
    yield exporter
    tracing.stop()


class Heard(logging.Handler):
    """The log as production writes it, at its level, line by line."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(make_handler(as_json=True).formatter)
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))

    def of(self, **wanted: object) -> list[dict[str, Any]]:
        return [line for line in self.lines if wanted.items() <= line.items()]


@pytest.fixture
def log() -> Iterator[Heard]:
    heard = Heard()
    logging.getLogger().addHandler(heard)
    yield heard
    logging.getLogger().removeHandler(heard)


async def delivery_of(stage: Stage, topic: str) -> Delivery:
    """The newest delivery with that topic."""
    async with stage.runtime.work() as work:
        statement = select(Delivery).where(Delivery.topic == topic).order_by(Delivery.id.desc()).limit(1)
        return (await work.session.scalars(statement)).one()


def in_one_trace(exporter: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    """The spans of the newest trace that has a span called `name`."""
    finished = exporter.get_finished_spans()
    trace = next(_trace(span) for span in reversed(finished) if span.name == name)
    return [span for span in finished if _trace(span) == trace]


def _trace(span: ReadableSpan) -> int:
    assert span.context is not None
    trace: int = span.context.trace_id
    return trace


def events_in(found: list[ReadableSpan]) -> set[str]:
    return {event.name for span in found for event in span.events}


async def confirmed_at_shopify(stage: Stage) -> dict[str, Any]:
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "defective"}])
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    found = await stage.case(case["id"])
    assert found["refunds"][0]["status"] == "succeeded"
    return found


async def test_one_trace_from_the_suppliers_webhook_to_shopifys_refund(
    stage: Stage, spans: InMemorySpanExporter, log: Heard
) -> None:
    """API and worker are two runtimes that share nothing but the database. The log names the trace."""
    case = await confirmed_at_shopify(stage)
    found = in_one_trace(spans, "store RefundCreate")
    names = {span.name for span in found}
    assert {
        "POST /webhooks/suppliers/{supplier}", "read delivery", "job refunds.plan", "job refunds.advance",
        "store RefundCreate",
    } <= names  # fmt: skip
    assert {"case supplier_confirmed", "refund planned", "refund submitting", "refund succeeded"} <= events_in(found)
    delivery = await delivery_of(stage, "return.confirmed")
    assert delivery.trace is not None
    assert int(delivery.trace.split("-")[1], 16) == _trace(found[0])
    (paid,) = log.of(event="refund_moved", status="succeeded")
    assert paid["trace"] == delivery.trace.split("-")[1]
    by_id = {span.context.span_id: span for span in found if span.context}
    (call,) = [span for span in found if span.name == "store RefundCreate"]
    path = [call.name]
    while call.parent is not None:
        call = by_id[call.parent.span_id]
        path.append(call.name)
    assert path == [
        "store RefundCreate", "job refunds.advance", "job refunds.plan", "read delivery",
        "POST /webhooks/suppliers/{supplier}",
    ]  # fmt: skip
    told = json.dumps([dict(span.attributes or {}) for span in spans.get_finished_spans()])
    assert case["id"] in told
    assert "@" not in told


async def test_a_refund_whose_answer_was_lost_ends_in_the_same_trace(stage: Stage, spans: InMemorySpanExporter) -> None:
    """It is looked up because of the row's own date or of another webhook, after its first job has long ended."""
    order_id, lines = await woo_order(stage, NewOrder([NewLine("Mug", "19.99", 1, "ACME-MUG")]))
    (case,) = await stage.ask(SITE, order_id, [{"line_id": lines["ACME-MUG"], "quantity": 1, "reason": "defective"}])
    stage.world.site.faults.add("POST /orders/refunds", Fault(FaultKind.DROP_AFTER))
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    await stage.later(minutes=5)
    assert (await stage.case(case["id"]))["refunds"][0]["status"] == "succeeded"
    found = in_one_trace(spans, "store POST orders/{id}/refunds")
    assert {"refund unknown", "refund succeeded"} <= events_in(found)


async def test_one_id_leads_through_the_log(stage: Stage, log: Heard) -> None:
    """From the supplier's delivery over case and refund to the money; every line of money is there once."""
    case = await confirmed_at_shopify(stage)
    correlation = str((await delivery_of(stage, "return.confirmed")).id)
    refund_id = case["refunds"][0]["id"]
    found = log.of(correlation=correlation)
    assert [line["status"] for line in found if line["event"] == "refund_moved"] == [
        "planned", "submitting", "succeeded",
    ]  # fmt: skip
    assert [line["type"] for line in found if line["event"] == "case_event"] == [
        "supplier_confirmed", "refund_succeeded", "remedy_done",
    ]  # fmt: skip
    first, last = found[0], log.of(event="refund_moved", status="succeeded")[0]
    assert first["delivery"] == correlation
    assert first["case"] == last["case"] == case["id"]
    assert (last["refund"], last["task"], last["amount"], last["currency"]) == (
        refund_id, "refunds.advance", 1999, last["currency"],
    )  # fmt: skip
    assert len(log.of(event="refund_moved")) == 3


async def test_a_request_is_named_and_so_is_what_it_begins(stage: Stage, log: Heard) -> None:
    """The caller's own id is taken when it is harmless; jobs go on under it."""
    order_id, _ = await shopify_order(stage, [lamp()])
    body = {
        "store": SHOP, "order": order_id, "remedy": "refund",
        "lines": [{"sku": "LAMP-01", "quantity": 1, "reason": "defective"}],
    }  # fmt: skip
    answer = await stage.http.post("/api/v1/return-requests", json=body, headers={"X-Request-Id": "gateway-7f3a.9"})
    assert answer.headers.get_list("X-Request-Id") == ["gateway-7f3a.9"]
    await stage.settle()
    (opened,) = log.of(event="case_event", type="request_submitted")
    assert (opened["request"], opened["correlation"]) == ("gateway-7f3a.9", "gateway-7f3a.9")
    authorised = log.of(event="case_event", type="supplier_authorized")
    assert [(line["correlation"], line["task"]) for line in authorised] == [("gateway-7f3a.9", "suppliers.call")]


@pytest.mark.parametrize("given", ["", "short", "a" * 65, "id with blanks", "id;drop", "<script>alert</script>"])
async def test_an_id_that_could_do_harm_is_not_taken(stage: Stage, given: str) -> None:
    first = await stage.http.get("/api/v1/cases", headers={"X-Request-Id": given})
    again = await stage.http.get("/api/v1/cases", headers={"X-Request-Id": given})
    ids = {answer.headers["X-Request-Id"] for answer in (first, again)}
    assert len(ids) == 2
    assert all((len(one) == 32 and given not in (one, "")) or not given for one in ids)


async def test_nothing_is_told_of_what_was_undone(stage: Stage, log: Heard) -> None:
    """A delivery whose reading breaks off after its case moved leaves neither line nor number of that."""
    order_id, _ = await shopify_order(stage, [lamp()])
    (case,) = await stage.ask(SHOP, order_id, [{"sku": "LAMP-01", "quantity": 1, "reason": "defective"}])
    async with stage.runtime.work() as work:
        await work.session.execute(text(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF NEW.type = 'supplier_confirmed' THEN RAISE EXCEPTION 'no' USING ERRCODE = '22000'; END IF; "
            "RETURN NEW; END $$"
        ))  # fmt: skip
        await work.session.execute(text(
            "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON case_events DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION refuse()"
        ))  # fmt: skip
    log.lines.clear()
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    assert log.of(event="case_event") == []
    (failed,) = log.of(event="delivery_read", outcome="failed")
    assert failed["delivery"] == str((await delivery_of(stage, "return.confirmed")).id)
