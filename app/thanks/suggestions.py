"""Products to suggest: what customers of the same store who bought the same have bought too, and kept."""

from __future__ import annotations

from urllib.parse import urlencode

from sqlalchemy import text

from app.db.work import Work
from app.messages.facts import Suggestion
from app.orders import service as orders
from app.orders.models import Order
from app.orders.snapshot import Platform

MOST = 3
# The newest orders of the store that are looked at: tastes change, and a suggestion must not read a whole history.
_ORDERS = 1000
# One customer's taste is no advice.
_AT_LEAST = 2
_KEPT = text("""
WITH recent AS (
  SELECT id, snapshot->'lines' AS lines FROM orders WHERE store = :store ORDER BY id DESC LIMIT :orders
), bought AS (
  SELECT recent.id, line->>'product_id' AS product, line->>'title' AS title, line->>'line_id' AS line_id
  FROM recent CROSS JOIN LATERAL jsonb_array_elements(recent.lines) AS line
  WHERE line->>'product_id' IS NOT NULL AND line->>'gift_card' IS DISTINCT FROM 'true'
)
SELECT product, max(title) AS title FROM bought
WHERE id IN (SELECT id FROM bought WHERE product = ANY(:mine)) AND product <> ALL(:mine) AND NOT EXISTS (
  SELECT 1 FROM cases JOIN case_lines ON case_lines.case_id = cases.id
  WHERE cases.order_pk = bought.id AND case_lines.line_id = bought.line_id
    AND cases.state NOT IN ('cancelled', 'expired', 'rejected')
)
GROUP BY product HAVING count(DISTINCT id) >= :least ORDER BY count(DISTINCT id) DESC, product LIMIT :most
""")


async def suggestions_for(work: Work, order: Order) -> list[Suggestion]:
    """At most three products, the most often kept first; none where the store's orders tell nothing."""
    mine = sorted({line.product_id for line in orders.snapshot_of(order).lines if line.product_id})
    if not mine:
        return []
    wanted = {"store": order.store, "orders": _ORDERS, "mine": mine, "least": _AT_LEAST, "most": MOST}
    rows = await work.session.execute(_KEPT, wanted)
    return [Suggestion(title, _page_of(work, order.store, product, title)) for product, title in rows]


def _page_of(work: Work, store: str, product: str, title: str) -> str:
    """Where the product is sold. Shopify names its pages by words that orders do not tell: there, its search."""
    configured = work.settings.stores[store]
    if configured.platform is Platform.WOOCOMMERCE:
        return f"{configured.front}/?{urlencode({'post_type': 'product', 'p': product})}"
    return f"{configured.front}/search?{urlencode({'type': 'product', 'q': title})}"
