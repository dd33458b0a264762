"""The question after a return: opened by the link of the mail, answered by people, and safe for machines to open."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from httpx import ASGITransport, AsyncClient

from app import links
from app.clock import MovableClock
from app.feedback import service as feedback
from app.feedback.models import Feedback
from app.links import LinkPurpose
from app.main import create_app
from app.runtime import Runtime
from tests.api.kit import V1, keep, lamp, order_of, submit
from tests.e2e.stage import SHOP, Stage
from tests.e2e.test_stories import lamp as lamp_of
from tests.e2e.test_stories import shopify_order
from tests.pages.browser import DESKTOP, PHONE, Device
from tests.pages.conftest import Visit
from tests.pages.reading import read

HOSTILE = "<script>alert(1)</script>\"'\u202e{{ 7919 * 7907 }}"


class Asked:
    """A request, its link, and a browser without scripts."""

    def __init__(self, runtime: Runtime, http: AsyncClient, request_id: UUID) -> None:
        self.runtime, self.http, self.request_id = runtime, http, request_id

    def path(self, *, store: str = "alpha", days: int = 90, purpose: LinkPurpose = LinkPurpose.SURVEY) -> str:
        now = self.runtime.clock.now()
        token = links.sign(self.runtime.settings, purpose, str(self.request_id), now, days=days)
        return f"/returns/{store}/survey/{token}"

    async def csrf(self) -> str:
        page = await self.http.get(self.path())
        assert page.status_code == 200, page.text
        [found] = [one for one in read(page.text).all("input") if one.attributes.get("name") == "csrf"]
        return found.attributes["value"]

    async def send(self, path: str | None = None, **fields: Any) -> httpx.Response:
        return await self.http.post(path or self.path(), data={"csrf": await self.csrf(), **fields})

    async def answer(self) -> Feedback | None:
        async with self.runtime.work() as work:
            return await feedback.of_request(work, self.request_id)


@pytest.fixture
async def asked(client: AsyncClient, runtime: Runtime) -> Any:
    runtime.clock = MovableClock()
    await keep(runtime, order_of())
    told = await submit(client, lamp())
    transport = ASGITransport(app=create_app(runtime), raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://makegood.test") as http:
        yield Asked(runtime, http, UUID(told["id"]))


async def test_an_answer_is_kept_and_can_be_changed(asked: Asked) -> None:
    sent = await asked.send(score="4", text=" Quick. ")
    assert sent.status_code == 303
    again = await asked.http.get(sent.headers["location"])
    assert "Merci" in again.text
    found = await asked.answer()
    assert found is not None
    assert (found.score, found.text, found.store) == (4, "Quick.", "alpha")
    await asked.send(score="2", text="")
    found = await asked.answer()
    assert found is not None
    assert (found.score, found.text) == (2, None)


async def test_opening_the_link_changes_nothing(asked: Asked) -> None:
    for method in ("GET", "HEAD", "GET"):
        answer = await asked.http.request(method, asked.path() + "?score=5")
        assert answer.status_code in (200, 405)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert await asked.answer() is None


async def test_a_form_that_is_not_ours_is_refused(asked: Asked) -> None:
    bare = await asked.http.post(asked.path(), data={"score": "5"})
    assert bare.status_code == 403
    forged = await asked.http.post(asked.path(), data={"score": "5", "csrf": "abc.def"})
    assert forged.status_code == 403
    assert await asked.answer() is None


@pytest.mark.parametrize("score", ["", "0", "6", "x", "55", "-1", "٣"])
async def test_no_other_score_is_taken_and_the_words_are_not_lost(asked: Asked, score: str) -> None:
    answer = await asked.send(score=score, text="My words")
    assert answer.status_code == 422
    assert "My words" in answer.text
    assert await asked.answer() is None


async def test_what_a_customer_writes_can_do_nothing(asked: Asked) -> None:
    await asked.send(score="1", text=HOSTILE)
    page = await asked.http.get(asked.path())
    assert "<script>alert" not in page.text
    assert "{{ 7919 * 7907 }}" in page.text
    assert str(7919 * 7907) not in page.text
    listed = (await asked.http.get(f"{V1}/feedback", headers={"Authorization": "Bearer x"})).status_code
    assert listed == 401


async def test_only_the_requests_own_link_opens_it(asked: Asked) -> None:
    good = asked.path()
    token = good.rpartition("/")[2]
    wrong = {
        good[:-2] + ("aa" if not good.endswith("aa") else "bb"): 404,
        asked.path(purpose=LinkPurpose.REQUEST): 404,
        asked.path(store="beta"): 404,
        asked.path(store="nobody"): 404,
        f"/returns/alpha/survey/{token}x": 404,
        "/returns/alpha/survey/abc.def": 404,
        f"/returns/alpha/survey/{'a' * 1025}": 404,
    }
    for path, status in wrong.items():
        answer = await asked.http.get(path)
        assert answer.status_code in (status, 422), path
        assert "text/html" in answer.headers["content-type"]
        posted = await asked.send(path, score="5")
        assert posted.status_code >= 400
    assert await asked.answer() is None


async def test_a_link_is_good_for_its_time(asked: Asked) -> None:
    path = asked.path(days=90)
    clock = asked.runtime.clock
    assert isinstance(clock, MovableClock)
    clock.move(timedelta(days=89))
    assert (await asked.http.get(path)).status_code == 200
    clock.move(timedelta(days=2))
    assert (await asked.http.get(path)).status_code == 410


async def test_somebody_who_answers_all_day_is_told_to_wait(asked: Asked) -> None:
    token = await asked.csrf()
    codes = {(await asked.http.post(asked.path(), data={"csrf": token, "score": "3"})).status_code for _ in range(32)}
    assert codes == {303, 429}


@pytest.mark.parametrize(
    ("language", "device", "scripts", "words"),
    [
        ("en", PHONE, True, ("Very well", "Send my answer", "Thank you", "Change my answer")),
        ("fr", DESKTOP, False, ("Très bien", "Envoyer ma réponse", "Merci", "Modifier ma réponse")),
        ("he", PHONE, True, ("טוב מאוד", "שליחת התשובה", "תודה", "שינוי התשובה")),
        ("he", PHONE, False, ("טוב מאוד", "שליחת התשובה", "תודה", "שינוי התשובה")),
    ],
)
async def test_a_customer_answers_from_the_mail(
    stage: Stage, visit: Visit, language: str, device: Device, scripts: bool, words: tuple[str, ...]
) -> None:
    order, _ = await shopify_order(stage, [lamp_of()], locale=language)
    (case,) = await stage.ask(SHOP, order, [{"sku": "LAMP-01", "quantity": 1, "reason": "changed_mind"}])
    stage.world.suppliers["acme"].confirm(case["id"])
    await stage.settle()
    await stage.asleep(days=4)
    (mail, *_) = (await stage.get("/messages", case=case["id"]))["items"]
    assert (mail["kind"], mail["language"]) == ("thank_you", language)
    link = next(word for word in mail["text"].split() if "/survey/" in word)
    best, send, thanks, change = words
    async with visit(language=language, device=device, scripts=scripts) as customer:
        await customer.open(link)
        await customer.tick(best)
        await customer.press(send)
        assert thanks in await customer.text()
        await customer.press(change)
        assert thanks in await customer.text()
    (given,) = (await stage.get("/feedback"))["items"]
    assert given["score"] == 5
