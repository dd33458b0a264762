"""Customers' answers: one for each request, read one by one and by product and reason, and forgotten on demand."""

from __future__ import annotations

from uuid import UUID

import pytest
from httpx import AsyncClient

from app.feedback import service as feedback
from app.feedback.models import Feedback
from app.privacy.erase import erase_order
from app.requests.models import ReturnRequest
from app.runtime import Runtime
from tests.api.kit import MUG, V1, VIEWER, keep, lamp, order_of, submit


async def answered(client: AsyncClient, runtime: Runtime, number: str, score: int, text: str, *lines: object) -> UUID:
    """A request of an order of its own, with the customer's answer; answers the request's id."""
    await keep(runtime, order_of(order_id=f"9{number}", number=f"#{number}"))
    told = await submit(client, *lines, order=f"#{number}")  # type: ignore[arg-type]
    async with runtime.work() as work:
        request = await work.session.get_one(ReturnRequest, UUID(told["id"]))
        await feedback.add(work, request, None, score, text)
    return UUID(told["id"])


async def test_answers_are_listed_with_what_they_are_about(client: AsyncClient, runtime: Runtime) -> None:
    mug = {"line_id": MUG, "quantity": 1, "reason": "late"}
    first = await answered(client, runtime, "1201", 5, " Quick.\x00 ", lamp(reason="defective"), mug)
    second = await answered(client, runtime, "1202", 1, "", lamp())
    page = (await client.get(f"{V1}/feedback?limit=1", headers=VIEWER)).json()
    rest = (await client.get(f"{V1}/feedback?limit=1&cursor={page['next_cursor']}", headers=VIEWER)).json()
    newest, oldest = page["items"][0], rest["items"][0]
    assert (newest["request_id"], newest["score"], newest["text"]) == (str(second), 1, None)
    assert (oldest["request_id"], oldest["score"], oldest["text"]) == (str(first), 5, "Quick.")
    about = sorted((line["sku"], line["reason"]) for line in oldest["lines"])
    assert about == [("BH-MUG", "late"), ("LAMP-01", "defective")]
    assert rest["next_cursor"] is None


async def test_answers_are_found_by_score_product_and_reason(client: AsyncClient, runtime: Runtime) -> None:
    await answered(client, runtime, "1201", 5, "", lamp(reason="defective"))
    await answered(client, runtime, "1202", 2, "", lamp())

    async def scores(**wanted: object) -> list[int]:
        answer = await client.get(f"{V1}/feedback", params=wanted)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        return [one["score"] for one in answer.json()["items"]]

    assert await scores() == [2, 5]
    assert await scores(at_most=2) == [2]
    assert await scores(reason="defective") == [5]
    assert await scores(sku="LAMP-01") == [2, 5]
    assert await scores(sku="BH-MUG") == []
    assert await scores(store="ALPHA", since="2020-01-01") == [2, 5]
    assert await scores(store="beta") == []
    assert (await client.get(f"{V1}/feedback?at_most=6")).status_code == 422
    assert (await client.get(f"{V1}/feedback?reason=boredom")).status_code == 422


async def test_the_summary_shows_the_unhappiest_first(client: AsyncClient, runtime: Runtime) -> None:
    await answered(client, runtime, "1201", 5, "", lamp(reason="defective"))
    await answered(client, runtime, "1202", 2, "", lamp())
    await answered(client, runtime, "1203", 1, "", lamp(), {"line_id": MUG, "quantity": 1, "reason": "late"})
    answer = await client.get(f"{V1}/feedback/summary", headers=VIEWER)
    names = ("sku", "reason", "answers", "mean_score", "unhappy")
    rows = [tuple(one[name] for name in names) for one in answer.json()["items"]]
    assert rows == [
        ("LAMP-01", "changed_mind", 2, 1.5, 2), ("BH-MUG", "late", 1, 1.0, 1), ("LAMP-01", "defective", 1, 5.0, 0),
    ]  # fmt: skip
    only = (await client.get(f"{V1}/feedback/summary?sku=BH-MUG")).json()["items"]
    assert [(one["sku"], one["reason"]) for one in only] == [("BH-MUG", "late")]
    assert len((await client.get(f"{V1}/feedback/summary?limit=1")).json()["items"]) == 1


async def test_an_answer_is_changed_and_never_doubled(client: AsyncClient, runtime: Runtime) -> None:
    request_id = await answered(client, runtime, "1201", 1, "Slow.", lamp())
    async with runtime.work() as work:
        request = await work.session.get_one(ReturnRequest, request_id)
        await feedback.add(work, request, None, 4, "Better now. " + "x" * 5000)
        found = await feedback.of_request(work, request_id)
    assert found is not None
    assert (found.score, len(found.text or "")) == (4, feedback.LONGEST_TEXT)
    assert len((await client.get(f"{V1}/feedback")).json()["items"]) == 1


@pytest.mark.parametrize("score", [0, 6, -1])
async def test_a_score_is_from_one_to_five(client: AsyncClient, runtime: Runtime, score: int) -> None:
    request_id = await answered(client, runtime, "1201", 3, "", lamp())
    async with runtime.work() as work:
        request = await work.session.get_one(ReturnRequest, request_id)
        with pytest.raises(feedback.ScoreOutOfRange):
            await feedback.add(work, request, None, score, None)


async def test_what_a_forgotten_customer_wrote_is_erased(client: AsyncClient, runtime: Runtime) -> None:
    request_id = await answered(client, runtime, "1201", 2, "My name is Ann.", lamp())
    async with runtime.work() as work:
        request = await work.session.get_one(ReturnRequest, request_id)
        done = await erase_order(work, request.order_pk, {"reason": "test"})
        again = await erase_order(work, request.order_pk, {"reason": "test"})
    assert (done["feedback"], again["feedback"]) == (1, 0)
    async with runtime.work() as work:
        found = await feedback.of_request(work, request_id)
    assert isinstance(found, Feedback)
    assert (found.score, found.text) == (2, "[redacted]")
