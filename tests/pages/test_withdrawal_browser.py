"""The withdrawal function in a real browser: in every language, on a phone and at a desk, with scripts and without."""

from __future__ import annotations

import pytest

from app.pages.language import LANGUAGES
from app.pages.withdrawal.labels import function_labels
from tests.e2e.stage import SHOP, Stage
from tests.e2e.test_stories import lamp, shopify_order
from tests.pages.browser import DESKTOP, PHONE, Device
from tests.pages.conftest import Visit

_CONTINUE = {"en": "Continue", "fr": "Continuer", "he": "המשך"}
_CHANGE = {"en": "Change something", "fr": "Modifier", "he": "שינוי הפרטים"}


@pytest.mark.parametrize(
    ("language", "device", "scripts", "dark"),
    [
        ("en", PHONE, True, False),
        ("en", PHONE, False, False),
        ("fr", DESKTOP, True, True),
        ("he", PHONE, True, True),
        ("he", PHONE, False, False),
    ],
)
async def test_from_the_rules_to_the_receipt(
    stage: Stage, visit: Visit, language: str, device: Device, scripts: bool, dark: bool
) -> None:
    order_id, _ = await shopify_order(stage, [lamp(1)])
    order = await stage.get(f"/orders/{SHOP}/{order_id}")
    labels = function_labels(language, "FR")
    async with visit(language=language, device=device, scripts=scripts, dark=dark) as customer:
        await customer.open(f"/policy/{SHOP}?country=FR")
        await customer.follow(labels.withdraw)
        await customer.press(_CONTINUE[language], status=422)
        await customer.page.fill("#name", "Zoë כהן <b>")
        await customer.page.fill("#order", order["number"])
        await customer.page.fill("#email", order["email"])
        await customer.page.fill("#goods", "x")
        await customer.press(_CONTINUE[language])
        assert order["email"] in await customer.text()
        await customer.press(_CHANGE[language])
        await customer.page.fill("#goods", "")
        await customer.press(_CONTINUE[language])
        await customer.press(labels.confirm)
        assert "Zoë כהן <b>" in await customer.text()
        await customer.page.reload()
    await stage.settle()
    (declared,) = (await stage.get("/withdrawals"))["items"]
    assert declared["status"] == "matched"
    receipts = [one for one in (await stage.get("/messages"))["items"] if one["kind"] == "withdrawal_receipt"]
    assert [one["language"] for one in receipts] == [language]
    assert (f'dir="{"rtl" if language == "he" else "ltr"}"' in receipts[0]["html"]) is True
    assert set(_CONTINUE) == set(LANGUAGES)
