"""One whole return, made by the service itself: what the many of a grown database are copied from."""

from __future__ import annotations

from httpx import ASGITransport, AsyncClient
from sqlalchemy import func, select, update

from app.cases.models import Case, Evidence
from app.cases.vocabulary import Ground
from app.db.idempotency import IdempotencyKey
from app.db.work import Work
from app.evidence.models import Photo
from app.feedback.models import Feedback
from app.main import create_app
from app.messages.models import Message, MessageStatus
from app.orders.models import ObservedRefund, Order
from app.outbound.models import OutboundAttempt, OutboundEvent, OutboundSending, SendingStatus
from app.outbound.vocabulary import EventType
from app.privacy.models import PrivacyKind, PrivacyRequest
from app.remedies.models import Replacement, ReplacementAttempt
from app.remedies.states import ReplacementStatus
from app.runtime import Runtime
from app.webhooks.models import Delivery, DeliveryStatus, SourceKind
from app.withdrawals.models import Withdrawal, WithdrawalStatus
from app.worker import run_until_idle
from tests.api.kit import LAMP, FakeStore, FakeStores, act, keep, lamp, order_of, submit, verdict


async def plant(runtime: Runtime, api_key: str) -> None:
    """Plays one return to its refund in an empty database; the supplier's credit stays open.

    Stores are replaced by ones in memory. What a worker has to do is done.
    """
    runtime.stores = FakeStores(FakeStore("alpha", order_of()), FakeStore("beta"))
    transport = ASGITransport(app=create_app(runtime))
    headers = {"Authorization": f"Bearer {api_key}"}
    async with AsyncClient(transport=transport, base_url="http://makegood.test", headers=headers) as client:
        await keep(runtime, order_of())
        case = (await submit(client, lamp(1)))["cases"][0]
        case = await act(client, case, "record-rma", rma_number="RMA-1")
        case = await act(client, case, "record-tracking", tracking_number="TN-1")
        case = await act(client, case, "record-receipt")
        await act(client, case, "record-verdict", **verdict(1))
    await run_until_idle(runtime)
    await _beside(runtime)


async def _beside(runtime: Runtime) -> None:
    """What a return of this kind does not bring about by itself, one of each."""
    async with runtime.work() as work:
        case = (await work.session.scalars(select(Case))).one()
        order = (await work.session.scalars(select(Order))).one()
        assert case.state == "resolved", case.state
        photo = Photo(content=b"x" * 200, sha256="a" * 64, likeness=1, bands=[1, 2, 3, 4], created_at=work.now)
        work.session.add(photo)
        await work.session.flush()
        shown = {"kind": "photo", "photo_id": photo.id, "sha256": "a" * 64, "added_by": "customer"}
        work.session.add(Evidence(case_id=case.id, **shown))
        work.session.add(Feedback(request_id=case.request_id, case_id=case.id, store="alpha", score=5))
        work.session.add(IdempotencyKey(caller="ops", key="k", request_hash="b" * 64, answer={"id": str(case.id)}))
        work.session.add(
            Withdrawal(
                store="alpha",
                origin="page",
                source="page:1",
                name="Ann",
                order_named="1106",
                email="ann@example.com",
                language="fr",
                status=WithdrawalStatus.MATCHED,
                declared_at=work.now,
                order_pk=order.id,
                request_id=case.request_id,
            )
        )
        work.session.add(PrivacyRequest(store="alpha", kind=PrivacyKind.DATA_REQUEST, origin="operator:ops"))
        work.session.add(
            Delivery(
                source_kind=SourceKind.STORE,
                source="alpha",
                dedupe_key="1",
                topic="orders/updated",
                headers={"x-shopify-topic": "orders/updated", "x-shopify-webhook-id": "1"},
                body=b"",
                status=DeliveryStatus.PROCESSED,
            )
        )
        work.session.add(
            ObservedRefund(
                order_pk=order.id, store_refund_id="1", amount=100, state="succeeded", first_seen_at=work.now
            )
        )
        await work.session.execute(update(Message).values(status=MessageStatus.SENT, next_try_at=None))
        assert await work.session.scalar(select(func.count()).select_from(Message))
        await _replaced(work, case)
        await _told(work, case)


async def _replaced(work: Work, case: Case) -> None:
    """The lamp beside the one that was refunded was sent again."""
    made = Replacement(
        case_id=case.id,
        order_pk=case.order_pk,
        store=case.store,
        status=ReplacementStatus.MADE,
        lines=[{"line_id": LAMP, "quantity": 1, "variant_id": None}],
        ground=Ground.SUPPLIER,
        evidence={},
        request={"lines": [{"line_id": LAMP, "quantity": 1}]},
        store_order_id="70001",
        order_name="#R1",
        settled_at=work.now,
    )
    work.session.add(made)
    await work.session.flush()
    tried = {"request": made.request, "started_at": work.now, "finished_at": work.now, "outcome": "ok", "answer": {}}
    work.session.add(ReplacementAttempt(replacement_id=made.id, number=1, **tried))


async def _told(work: Work, case: Case) -> None:
    """A receiver took what it was told."""
    event = OutboundEvent(type=EventType.CASE_CREATED, store=case.store, case_id=case.id, data={"case": {}})
    work.session.add(event)
    await work.session.flush()
    work.session.add(
        OutboundSending(
            event_id=event.id,
            receiver="crm",
            seq=event.seq,
            case_id=case.id,
            status=SendingStatus.DELIVERED,
            tries=1,
            attempts=1,
            queued_at=work.now,
            delivered_at=work.now,
            created_at=event.created_at,
        )
    )
    tried = {"started_at": work.now, "finished_at": work.now, "http_status": 200, "body": "taken"}
    work.session.add(OutboundAttempt(event_id=event.id, receiver="crm", number=1, **tried))
