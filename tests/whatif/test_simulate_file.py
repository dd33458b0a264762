"""Past orders from a file: every key is read, and every fault is told with its line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.cases.vocabulary import Reason, Remedy
from app.policy.question import History, Present, SupplierTerms
from app.settings_supplier import SupplierSettings
from app.whatif import orders_file as reader
from app.whatif.orders_file import BadOrdersFile, orders_file
from app.whatif.orders_schema import OrderIn
from app.whatif.past import PastCase, Story
from app.whatif.tally import ALL
from app.whatif.terms import known_suppliers
from tests.whatif.kit import policy, run

ORDER: dict[str, Any] = {
    "id": "1106", "store": "alpha", "placed_at": "2026-03-01T08:00:00Z", "currency": "USD", "shop_currency": "EUR",
    "country": "US", "region": "NY", "company": False, "shipping": "4.90",
    "lines": [{"id": "L1", "sku": "LAMP-01", "title": "Lamp", "vendor": "Acme", "quantity": 2, "total": "59.80",
               "shop_total": "54.00"}],
    "parcels": [{"dispatched_at": "2026-03-02T08:00:00Z", "delivered_at": "2026-03-09T15:00:00Z"}],
    "requests": [{
        "declared_at": "2026-03-12T09:30:00Z", "lines": [{"line": "L1", "quantity": 1, "reason": "defective"}],
        "remedy": "refund", "supplier": "acme", "evidence": {"photos": 1},
        "customer": {"orders": 4, "cases": 1, "spent": "210.00", "refunded": "19.90"},
        "story": {"evidence": {"photos": 2, "answers": 1}, "sent": True, "sends_days": 2, "way_back_days": 9,
                  "authorise_days": 1, "verdict_days": 4, "silent": False, "accepted_percent": 50,
                  "paid_by_person": True, "freight": "8.00"},
    }],
}  # fmt: skip
SUPPLIERS = known_suppliers(
    {
        "acme": SupplierSettings(
            channel="manual", returnless_below=Decimal("12.5"), currency="USD", cost_ratio=Decimal("0.4")
        )
    }
)


def write(path: Path, *orders: Any) -> Path:
    file = path / "orders.jsonl"
    file.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in orders), "utf-8")
    return file


def read(file: Path) -> list[PastCase]:
    return [case for batch in orders_file(file, SUPPLIERS) for case in batch.cases()]


def test_every_key_is_read(tmp_path: Path) -> None:
    [case] = read(write(tmp_path, ORDER))
    question, order = case.question, case.question.order
    assert (case.store, order.country, order.region, order.currency, order.total) == ("alpha", "US", "NY", "USD", 6470)
    assert [(one.line_id, one.quantity, one.reason, one.value) for one in question.lines] == [
        ("L1", 1, Reason.DEFECTIVE, 2990)
    ]
    assert question.remedy is Remedy.REFUND
    assert question.declared_at == datetime(2026, 3, 12, 9, 30, tzinfo=UTC)
    assert question.history == History(orders=4, cases=1, spent=21000, refunded=1990)
    assert question.evidence == Present(photos=1)
    assert question.supplier == SupplierTerms("acme", returnless_below=1250, cost_ratio=Decimal("0.4"))
    assert order.fulfilments[0].delivered_at == datetime(2026, 3, 9, 15, tzinfo=UTC)
    assert case.story == Story(Present(2, 1), True, 2, 9, 1, 4, False, 50, True, 800)


def test_the_example_in_the_documentation_has_every_key() -> None:
    text = (Path(__file__).parents[2] / "docs" / "simulate.md").read_text("utf-8")
    example = OrderIn.model_validate_json(text.split("```json\n")[1].split("```")[0])
    [request] = example.requests
    for part in (example, request, request.story, request.customer, example.lines[0], example.parcels[0]):
        assert part.model_fields_set == set(type(part).model_fields), type(part).__name__


def test_a_file_needs_little(tmp_path: Path) -> None:
    small = {
        "id": 7, "placed_at": "2026-03-01", "currency": "JPY", "lines": [{"id": 1, "total": 3000}],
        "requests": [{"declared_at": "2026-03-20", "lines": [{"line": 1, "reason": "lost"}], "supplier": "unknown"}],
    }  # fmt: skip
    [case] = read(write(tmp_path, small))
    assert case.question.order.total == 3000
    assert case.question.supplier == SupplierTerms("unknown")


def test_a_supplier_may_be_told_in_the_file(tmp_path: Path) -> None:
    own = {"key": "far", "requires_goods": False, "cost_ratio": "0.3", "returnless_below": "20.00"}
    request = {**ORDER["requests"][0], "supplier": own}
    [case] = read(write(tmp_path, {**ORDER, "requests": [request]}))
    assert case.question.supplier == SupplierTerms(
        "far", requires_goods=False, returnless_below=2000, cost_ratio=Decimal("0.3")
    )


def test_a_limit_in_another_currency_says_nothing(tmp_path: Path) -> None:
    [case] = read(write(tmp_path, {**ORDER, "currency": "GBP"}))
    assert case.question.supplier is not None
    assert case.question.supplier.returnless_below is None


def test_empty_lines_and_orders_without_requests_are_no_cases(tmp_path: Path) -> None:
    assert read(write(tmp_path, "", {**ORDER, "requests": []}, "  ")) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "Invalid JSON"),
        ("[]", "object"),
        ({**ORDER, "curency": "EUR"}, "curency"),
        ({**ORDER, "currency": "euro"}, "currency"),
        ({**ORDER, "placed_at": "yesterday"}, "placed_at"),
        ({**ORDER, "shipping": "4.999"}, "more than 2 digits"),
        ({**ORDER, "shipping": "-1"}, "shipping"),
        ({**ORDER, "lines": []}, "lines"),
        ({**ORDER, "requests": [{**ORDER["requests"][0], "lines": [{"line": "L2", "reason": "lost"}]}]}, "0 bought"),
        ({**ORDER, "requests": [{**ORDER["requests"][0], "lines": [{"line": "L1", "reason": "bad"}]}]}, "reason"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line_and_key(tmp_path: Path, line: Any, said: str) -> None:
    file = write(tmp_path, ORDER, line)
    with pytest.raises(BadOrdersFile) as caught:
        read(file)
    assert caught.value.detail.startswith(f"{file}:2: ")
    assert said in caught.value.detail
    assert "docs/simulate.md" in caught.value.detail
    assert "\n" not in caught.value.detail


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadOrdersFile, match="--orders"):
        read(tmp_path / "nothing.jsonl")
    binary = tmp_path / "orders.jsonl"
    binary.write_bytes(b"\xff\xfe{}")
    with pytest.raises(BadOrdersFile, match="UTF-8"):
        read(binary)


def test_lines_are_numbered_across_batches_and_processes_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "BATCH", 3)
    file = write(tmp_path, *[{**ORDER, "id": str(number)} for number in range(8)])
    assert [(batch.first, batch.size) for batch in orders_file(file, SUPPLIERS)] == [(1, 3), (4, 3), (7, 2)]
    one, two = (run(policy(), batches=orders_file(file, SUPPLIERS), jobs=jobs) for jobs in (1, 2))
    assert one == two
    assert one.after.of(ALL)["cases"] == 8


def test_a_fault_in_another_process_is_the_same_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "BATCH", 2)
    file = write(tmp_path, ORDER, ORDER, ORDER, "{")
    with pytest.raises(BadOrdersFile, match=":4: "):
        run(policy(), batches=orders_file(file, SUPPLIERS), jobs=2)
