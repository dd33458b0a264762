"""The last day on which a supplier takes a claim: by reason, counted from what is known, never later than the truth."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.cases.vocabulary import Reason
from app.orders.snapshot import Fulfilment, OrderSnapshot
from app.settings_supplier import SupplierSettings
from app.suppliers.claim_window import ClaimWindow, CountedFrom, claim_window
from tests.api.kit import LAMP, MUG, order_of

PLACED = datetime(2026, 11, 2, 9, tzinfo=UTC)
SENT, THERE = PLACED + timedelta(days=2), PLACED + timedelta(days=12)


def order(*parcels: Fulfilment) -> OrderSnapshot:
    return replace(order_of(), placed_at=PLACED, fulfilments=parcels)


def terms(**changes: Any) -> SupplierSettings:
    return SupplierSettings(channel="manual", **changes)


def window(snapshot: OrderSnapshot, reason: Reason, **changes: Any) -> ClaimWindow | None:
    return claim_window(snapshot, [(LAMP, reason)], terms(**changes))


WHOLE = order(Fulfilment("1", "success", SENT, THERE))


def test_by_reason_and_else_the_one_for_all() -> None:
    changes = {"claim_window_days": 30, "claim_windows": '{"damaged_in_transit": 3, "lost": 45}'}
    assert window(WHOLE, Reason.DAMAGED_IN_TRANSIT, **changes) == ClaimWindow(
        date(2026, 11, 17), CountedFrom.DELIVERED, True
    )
    assert window(WHOLE, Reason.DEFECTIVE, **changes) == ClaimWindow(date(2026, 12, 14), CountedFrom.DELIVERED, True)
    # What never came is counted from when it was sent.
    assert window(WHOLE, Reason.LOST, **changes) == ClaimWindow(date(2026, 12, 19), CountedFrom.DISPATCHED, True)


def test_a_supplier_that_names_no_day_has_none() -> None:
    assert window(WHOLE, Reason.LOST) is None
    assert window(WHOLE, Reason.LOST, claim_windows={"defective": 3}) is None
    assert claim_window(WHOLE, [(LAMP, Reason.LOST)], None) is None


def test_what_is_not_known_is_counted_early_and_is_not_certain() -> None:
    on_its_way = order(Fulfilment("1", "success", SENT))
    assert window(on_its_way, Reason.DEFECTIVE, claim_window_days=5) == ClaimWindow(
        date(2026, 11, 9), CountedFrom.DISPATCHED, False
    )
    assert window(order(), Reason.LOST, claim_window_days=5) == ClaimWindow(
        date(2026, 11, 7), CountedFrom.ORDERED, False
    )


def test_of_several_parcels_and_lines_the_first_to_close_counts() -> None:
    two = order(
        Fulfilment("1", "success", SENT, THERE, lines={LAMP: 1}),
        Fulfilment("2", "success", SENT, THERE + timedelta(days=9), lines={LAMP: 1, MUG: 1}),
    )
    lines = [(LAMP, Reason.DEFECTIVE), (MUG, Reason.DEFECTIVE)]
    both = claim_window(two, lines, terms(claim_window_days=5))
    assert both is not None
    assert both.last_day == date(2026, 11, 19)
    only_mug = claim_window(two, lines[1:], terms(claim_window_days=5))
    assert only_mug is not None
    assert only_mug.last_day == date(2026, 11, 28)


def test_the_day_is_the_suppliers() -> None:
    late = order(Fulfilment("1", "success", SENT, datetime(2026, 11, 14, 20, tzinfo=UTC)))
    here, there = (window(late, Reason.DEFECTIVE, claim_window_days=1, country=one) for one in ("FR", "CN"))
    assert here is not None
    assert there is not None
    assert (here.last_day, there.last_day) == (date(2026, 11, 15), date(2026, 11, 16))


@given(st.integers(0, 40), st.integers(0, 40), st.sampled_from(Reason), st.integers(1, 90))
def test_news_of_the_delivery_never_brings_the_last_day_forward(sent: int, way: int, reason: Reason, days: int) -> None:
    left = PLACED + timedelta(days=sent)
    known = [
        order(),
        order(Fulfilment("1", "success", left)),
        order(Fulfilment("1", "success", left, left + timedelta(days=way))),
    ]
    found = [window(one, reason, claim_window_days=days) for one in known]
    last_days = [one.last_day for one in found if one]
    assert last_days == sorted(last_days)
    assert len(last_days) == 3


@pytest.mark.parametrize("wrong", ['{"broken": 3}', '{"lost": 0}', "3", "[1]", "{"])
def test_a_table_that_makes_no_sense_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        terms(claim_windows=wrong)
