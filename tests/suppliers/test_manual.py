from __future__ import annotations

from app.outcomes import Ok
from app.suppliers.base import SupplierAnswer, SupplierChannel, SupplierStatus
from app.suppliers.manual import ManualSupplier


async def test_every_call_waits_for_the_operator() -> None:
    supplier: SupplierChannel = ManualSupplier("acme")
    waiting = Ok(SupplierAnswer(SupplierStatus.PENDING))
    assert not supplier.has_api
    assert supplier.key == "acme"
    assert await supplier.open_return({"return_id": "r"}, "r") == waiting
    assert await supplier.poll("r") == waiting
    assert await supplier.cancel("r") == waiting
    await supplier.aclose()
