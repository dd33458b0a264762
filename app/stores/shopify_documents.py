"""The GraphQL documents about orders, refunds and returns, each with one root field.

They are validated against Shopify's published schema by a test. Page sizes are chosen so that no document can be
asked for more than 1000 points (Shopify's limit for one query), counting one point for each object it might return.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.orders.normalise_shopify_api import TRANSACTIONS_ASKED

# As many as `ORDER` asks for of lists that have no pages: an answer this long may have been cut.
REFUNDS_ASKED = 8
FULFILMENTS_ASKED = 5


@dataclass(frozen=True, slots=True)
class Document:
    """One operation: its name, the one root field it selects, and its text."""

    name: str
    root: str
    text: str


_MONEY = """
fragment Money on MoneyBag { shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }
"""

_LINE = """
fragment LineParts on LineItem {
  id title variantTitle sku vendor quantity currentQuantity isGiftCard
  product { id }
  variant { id }
  originalUnitPriceSet { ...Money }
  discountedUnitPriceAfterAllDiscountsSet { ...Money }
  discountAllocations { allocatedAmountSet { ...Money } }
  taxLines { priceSet { ...Money } }
}
"""

_PARCEL = """
fragment ParcelParts on Fulfillment {
  id status displayStatus createdAt updatedAt deliveredAt
  trackingInfo(first: 1) { company number url }
  fulfillmentLineItems(first: 10) { nodes { quantity lineItem { id } } pageInfo { hasNextPage } }
}
"""

ORDER = Document(
    "OrderForReturn",
    "order",
    f"""
query OrderForReturn($id: ID!) {{
  order(id: $id) {{
    id name email customerLocale test createdAt processedAt updatedAt cancelledAt
    currencyCode presentmentCurrencyCode taxesIncluded displayFinancialStatus paymentGatewayNames
    totalPriceSet {{ ...Money }}
    totalReceivedSet {{ ...Money }}
    shippingAddress {{ countryCodeV2 provinceCode }}
    billingAddress {{ countryCodeV2 provinceCode company }}
    disputes {{ id status }}
    lineItems(first: 10) {{ nodes {{ ...LineParts }} pageInfo {{ hasNextPage endCursor }} }}
    shippingLines(first: 3) {{
      nodes {{ id title discountedPriceSet {{ ...Money }} taxLines {{ priceSet {{ ...Money }} }} }}
    }}
    fulfillments(first: {FULFILMENTS_ASKED}) {{ ...ParcelParts }}
    transactions(first: {TRANSACTIONS_ASKED}) {{ id kind status amountSet {{ ...Money }} }}
    refunds(first: {REFUNDS_ASKED}) {{
      id note createdAt
      totalRefundedSet {{ ...Money }}
      refundLineItems(first: 5) {{ nodes {{ quantity lineItem {{ id }} }} pageInfo {{ hasNextPage }} }}
      refundShippingLines(first: 2) {{
        nodes {{ shippingLine {{ id }} subtotalAmountSet {{ ...Money }} taxAmountSet {{ ...Money }} }}
        pageInfo {{ hasNextPage }}
      }}
      transactions(first: 3) {{ nodes {{ kind status amountSet {{ ...Money }} }} pageInfo {{ hasNextPage }} }}
    }}
  }}
}}
{_LINE}{_PARCEL}{_MONEY}""",
)

ORDER_LINES = Document(
    "OrderLines",
    "order",
    f"""
query OrderLines($id: ID!, $after: String) {{
  order(id: $id) {{
    id
    lineItems(first: 40, after: $after) {{ nodes {{ ...LineParts }} pageInfo {{ hasNextPage endCursor }} }}
  }}
}}
{_LINE}{_MONEY}""",
)

ORDER_PARCELS = Document(
    "OrderParcels",
    "order",
    f"""
query OrderParcels($id: ID!) {{
  order(id: $id) {{ id fulfillments(first: 30) {{ ...ParcelParts }} }}
}}
{_PARCEL}""",
)

ORDER_REFUND_IDS = Document(
    "OrderRefundIds",
    "order",
    """
query OrderRefundIds($id: ID!) {
  order(id: $id) { id refunds(first: 250) { id } }
}
""",
)

REFUND = Document(
    "RefundInFull",
    "refund",
    f"""
query RefundInFull($id: ID!) {{
  refund(id: $id) {{
    id note createdAt
    totalRefundedSet {{ ...Money }}
    refundLineItems(first: 200) {{ nodes {{ quantity lineItem {{ id }} }} pageInfo {{ hasNextPage }} }}
    refundShippingLines(first: 10) {{
      nodes {{ shippingLine {{ id }} subtotalAmountSet {{ ...Money }} taxAmountSet {{ ...Money }} }}
      pageInfo {{ hasNextPage }}
    }}
    transactions(first: 50) {{ nodes {{ kind status amountSet {{ ...Money }} }} pageInfo {{ hasNextPage }} }}
  }}
}}
{_MONEY}""",
)

ORDER_BY_NAME = Document(
    "OrderByName",
    "orders",
    """
query OrderByName($query: String!) {
  orders(first: 5, query: $query) { nodes { id name } }
}
""",
)

# What changed, at a glance: whether an order has to be read is decided by what is known of it already. The newest
# returns come first, so that a request that was just made is on the list whatever went before it.
CHANGED_ORDERS = Document(
    "ChangedOrders",
    "orders",
    f"""
query ChangedOrders($query: String!, $after: String) {{
  orders(first: 25, after: $after, query: $query, sortKey: UPDATED_AT) {{
    nodes {{
      id updatedAt
      refunds(first: {REFUNDS_ASKED}) {{ id }}
      returns(first: 8, reverse: true) {{ nodes {{ id status createdAt decline {{ note }} }} }}
    }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}
""",
)

SUGGESTED_REFUND = Document(
    "SuggestedRefund",
    "order",
    f"""
query SuggestedRefund(
  $orderId: ID!, $lines: [RefundLineItemInput!], $shippingAmount: Money, $alloc: RefundMethodAllocation, $full: Boolean
) {{
  order(id: $orderId) {{
    id
    suggestedRefund(
      refundLineItems: $lines, shippingAmount: $shippingAmount, refundMethodAllocation: $alloc, suggestFullRefund: $full
    ) {{
      maximumRefundableSet {{ ...Money }}
      suggestedRefundMethods {{ maximumRefundable {{ ...Money }} }}
      suggestedTransactions {{
        gateway
        amountSet {{ ...Money }}
        maximumRefundableSet {{ ...Money }}
        parentTransaction {{ id gateway }}
      }}
    }}
    transactions(first: {TRANSACTIONS_ASKED}) {{ id kind status gateway maximumRefundableV2 {{ amount currencyCode }} }}
  }}
}}
{_MONEY}""",
)

# The selection is minimal on purpose: a field that may not be read would come back as an error beside the refund.
REFUND_CREATE = Document(
    "RefundCreate",
    "refundCreate",
    f"""
mutation RefundCreate($input: RefundInput!, $idempotencyKey: String!) {{
  refundCreate(input: $input) @idempotent(key: $idempotencyKey) {{
    refund {{ id transactions(first: 20) {{ nodes {{ kind status errorCode amountSet {{ ...Money }} }} }} }}
    userErrors {{ field message }}
  }}
}}
{_MONEY}""",
)


RETURN = Document(
    "ReturnGet",
    "return",
    """
query ReturnGet($id: ID!, $after: String) {
  return(id: $id) {
    id name status
    order { id }
    returnLineItems(first: 50, after: $after) {
      nodes {
        id quantity customerNote returnReasonNote
        returnReasonDefinition { handle }
        ... on ReturnLineItem { fulfillmentLineItem { lineItem { id } } }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}
""",
)

RETURN_APPROVE = Document(
    "ReturnApproveRequest",
    "returnApproveRequest",
    """
mutation ReturnApproveRequest($input: ReturnApproveRequestInput!) {
  returnApproveRequest(input: $input) { return { id status } userErrors { code field message } }
}
""",
)

RETURN_DECLINE = Document(
    "ReturnDeclineRequest",
    "returnDeclineRequest",
    """
mutation ReturnDeclineRequest($input: ReturnDeclineRequestInput!) {
  returnDeclineRequest(input: $input) { return { id status } userErrors { code field message } }
}
""",
)

RETURN_CLOSE = Document(
    "ReturnClose",
    "returnClose",
    """
mutation ReturnClose($id: ID!) {
  returnClose(id: $id) { return { id status } userErrors { code field message } }
}
""",
)


DOCUMENTS: tuple[Document, ...] = (
    ORDER,
    ORDER_LINES,
    ORDER_PARCELS,
    ORDER_REFUND_IDS,
    REFUND,
    ORDER_BY_NAME,
    CHANGED_ORDERS,
    SUGGESTED_REFUND,
    REFUND_CREATE,
    RETURN,
    RETURN_APPROVE,
    RETURN_DECLINE,
    RETURN_CLOSE,
)

_ID = re.compile(r"(?:gid://shopify/([A-Za-z]+)/)?(\d{1,20})", re.ASCII)


def gid(kind: str, some_id: str) -> str | None:
    """The global id of a `kind` (`Order`, `Return`, …) from its number or its global id; None when it is neither."""
    found = _ID.fullmatch(some_id.strip())
    if found is None or found.group(1) not in (None, kind):
        return None
    return f"gid://shopify/{kind}/{found.group(2)}"
