"""Counts, not times: SQL statements per delivery and list, and calls to a store per refund."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from app.crashpoints import Point, hooked
from app.runtime import Runtime, build_runtime
from app.sandbox.woocommerce.model import NewLine, NewOrder
from app.settings import Settings
from app.webhooks.reader import read_all
from tests.benchmarks import backlog
from tests.benchmarks.bench import Bench
from tests.benchmarks.counting import asked, calls, statements
from tests.benchmarks.table import Row, at_most
from tests.conftest import BASE_SETTINGS
from tests.crashes.stage import PRICE
from tests.e2e.conftest import staged
from tests.e2e.stage import SHOP, SITE, Stage
from tests.e2e.test_stories import lamp, shopify_order, woo_order

Count = Callable[[str], Awaitable[list[Row]]]
TITLE = "Statements and store calls per unit, counted"
MOST_STATEMENTS = MOST_CALLS = 3
_MANY = 500


def measure(bench: Bench) -> list[Row]:
    """Every count on a fresh database."""
    return [
        *asyncio.run(deliveries(bench.fresh_database())),
        *asyncio.run(refunds(bench.fresh_database())),
        *asyncio.run(lists(bench.fresh_database())),
    ]


async def deliveries(url: str) -> list[Row]:
    """SQL statements per delivery: amortised over a backlog, and of one that comes alone."""
    runtime = build_runtime(Settings(**BASE_SETTINGS), url, pool_size=2)
    rows = []
    with backlog.opened(url) as database:
        for told, fill in (
            ("statements per delivery, new orders and their updates", lambda: backlog.fill(database, _MANY)),
            ("statements per delivery, updates of known orders", lambda: backlog.update(database, _MANY)),
        ):
            counted, count = await _counted(runtime, fill)
            rows.append(at_most(told, asked(counted) / count, MOST_STATEMENTS, "statements"))
            rows.append(Row(f"  and commits ({told.rpartition(', ')[2]})", counted["COMMIT"] / count, "commits"))
        counted, _ = await _counted(runtime, lambda: backlog.update(database, 1))
        rows.append(Row("statements for one delivery that comes alone", asked(counted), "statements"))
    await runtime.aclose()
    return rows


async def _counted(runtime: Runtime, fill: Callable[[], None]) -> tuple[Counter[str], int]:
    fill()
    with statements() as counted:
        count = await read_all(runtime)
    return counted, count


async def refunds(url: str) -> list[Row]:
    """Calls that a store gets from the supplier's confirmation to the refund's proof, and when its webhooks echo it."""
    rows = []
    async with staged(url) as stage:
        for store, name in ((SHOP, "Shopify"), (SITE, "WooCommerce")):
            to_proof, echoed = await refund_calls(stage, store)
            rows.append(at_most(f"calls per {name} refund", to_proof, MOST_CALLS, "calls"))
            rows.append(Row("  and readings when the store's webhooks tell of it", echoed, "calls"))
    return rows


async def refund_calls(stage: Stage, store: str) -> tuple[int, int]:
    """The calls of one refund on the straight path: up to its proof, and after it."""
    order, sku = await _order(stage, store)
    (case,) = await stage.ask(store, order, [{"sku": sku, "quantity": 1, "reason": "changed_mind"}])
    to_proof: list[int] = []

    def proven(point: Point) -> None:
        if point is Point.REFUND_SETTLED:
            to_proof.append(len(found))

    with calls(stage.world, store) as found, hooked(proven):
        stage.world.suppliers["acme"].confirm(case["id"])
        await stage.settle()
    state = (await stage.case(case["id"]))["state"]
    if state != "resolved":
        raise RuntimeError(f"the refund took another path: its case is {state}")
    return to_proof[0], len(found) - to_proof[0]


async def _order(stage: Stage, store: str) -> tuple[str, str]:
    """A delivered order, and the SKU of what is in it."""
    if store == SHOP:
        order, _ = await shopify_order(stage, [lamp()])
        return order, "LAMP-01"
    order, _ = await woo_order(stage, NewOrder([NewLine("Mug", PRICE, 2, "ACME-MUG")]))
    return order, "ACME-MUG"


async def lists(url: str) -> list[Row]:
    """`GET /cases` takes as many statements for a hundred cases as for one."""
    async with staged(url) as stage:
        for _ in range(4):
            order, sku = await _order(stage, SHOP)
            await stage.ask(SHOP, order, [{"sku": sku, "quantity": 1, "reason": "changed_mind"}])
        counts = {limit: await _of_list(stage, limit) for limit in (1, 2, 100)}
    few, many = counts[1], counts[100]
    return [
        Row("statements of GET /cases, one a page", few, "statements"),
        at_most("statements of GET /cases, all on a page", many, few, "statements"),
    ]


async def _of_list(stage: Stage, limit: int) -> int:
    with statements() as counted:
        await stage.get("/cases", limit=limit)
    return asked(counted)
