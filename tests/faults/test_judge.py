"""The judge sees through a service that pays blindly, and through one that believes too easily."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.refunds.reconcile import Settlement, Verdict
from tests.faults.campaign import play_batch
from tests.faults.draw import Play, draw
from tests.faults.troubles import W


def on_woocommerce(fault: str) -> list[Play]:
    """Three plain plays of a fault there, of orders with money left for a second refund."""
    drawn = [draw(9, index, fault) for index in range(30)]
    return [
        replace(play, verdict="confirmed", quantity=4, wanted=(1,), unheard=True)
        for play in drawn
        if play.platform == W
    ][:3]


def believing(verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service looks at nothing and always concludes the same."""
    monkeypatch.setattr("app.refunds.tasks._ours", lambda shown, refund_id: [])
    monkeypatch.setattr("app.refunds.looking.reconcile.decide", lambda *told: Settlement(verdict, "just so"))


def test_a_second_payment_is_seen(postgres_url: str, template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    believing(Verdict.SEND_AGAIN, monkeypatch)
    verdicts = play_batch(on_woocommerce("dropped after execution"), postgres_url, template)
    assert all("paid 2 times" in " ".join(one.doubled) for one in verdicts)


def test_a_payment_that_was_never_made_is_seen(
    postgres_url: str, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    believing(Verdict.SUCCEEDED, monkeypatch)
    verdicts = play_batch(on_woocommerce("dropped before execution"), postgres_url, template)
    assert all("nobody is told" in " ".join(one.lost) for one in verdicts)
