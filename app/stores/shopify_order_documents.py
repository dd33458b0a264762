"""The GraphQL documents for new orders: what is on sale, who gets it, drafts and their tags.

They are held against Shopify's schema and its cost limit by the same test as `shopify_documents`.
"""

from __future__ import annotations

from app.stores.shopify_documents import Document

_MONEY = "fragment Money on MoneyBag { presentmentMoney { amount currencyCode } }"

# Each line's product and variant, to offer and order them again.
ORDER_GOODS = Document(
    "OrderGoods",
    "order",
    """
query OrderGoods($id: ID!, $after: String) {
  order(id: $id) {
    id currencyCode
    lineItems(first: 40, after: $after) {
      nodes { id quantity product { id } variant { id } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
""",
)

PRODUCT_VARIANTS = Document(
    "ProductVariants",
    "product",
    """
query ProductVariants($id: ID!, $after: String) {
  product(id: $id) {
    id
    variants(first: 100, after: $after) {
      nodes { id title price availableForSale }
      pageInfo { hasNextPage endCursor }
    }
  }
}
""",
)

ORDER_CUSTOMER = Document(
    "OrderCustomer",
    "order",
    """
query OrderCustomer($id: ID!) {
  order(id: $id) {
    id email presentmentCurrencyCode
    customer { id }
    shippingAddress {
      firstName lastName company address1 address2 city provinceCode countryCodeV2 zip phone
    }
  }
}
""",
)

ORDERS_BY_TAG = Document(
    "OrdersByTag",
    "orders",
    """
query OrdersByTag($query: String!) {
  orders(first: 5, query: $query) { nodes { id name tags } }
}
""",
)

_DRAFT = f"""
fragment DraftParts on DraftOrder {{ id name ready tags totalPriceSet {{ ...Money }} order {{ id name }} }}
{_MONEY}"""

DRAFTS_BY_TAG = Document(
    "DraftsByTag",
    "draftOrders",
    f"""
query DraftsByTag($query: String!) {{
  draftOrders(first: 5, query: $query) {{ nodes {{ ...DraftParts }} }}
}}
{_DRAFT}""",
)

DRAFT = Document(
    "Draft",
    "draftOrder",
    f"""
query Draft($id: ID!) {{
  draftOrder(id: $id) {{ ...DraftParts }}
}}
{_DRAFT}""",
)

DRAFT_CREATE = Document(
    "DraftOrderCreate",
    "draftOrderCreate",
    f"""
mutation DraftOrderCreate($input: DraftOrderInput!) {{
  draftOrderCreate(input: $input) {{ draftOrder {{ ...DraftParts }} userErrors {{ field message }} }}
}}
{_DRAFT}""",
)

DRAFT_COMPLETE = Document(
    "DraftOrderComplete",
    "draftOrderComplete",
    f"""
mutation DraftOrderComplete($id: ID!) {{
  draftOrderComplete(id: $id) {{ draftOrder {{ ...DraftParts }} userErrors {{ field message }} }}
}}
{_DRAFT}""",
)

DRAFT_DELETE = Document(
    "DraftOrderDelete",
    "draftOrderDelete",
    """
mutation DraftOrderDelete($input: DraftOrderDeleteInput!) {
  draftOrderDelete(input: $input) { deletedId userErrors { field message } }
}
""",
)

ORDER_DOCUMENTS: tuple[Document, ...] = (
    ORDER_GOODS,
    PRODUCT_VARIANTS,
    ORDER_CUSTOMER,
    ORDERS_BY_TAG,
    DRAFTS_BY_TAG,
    DRAFT,
    DRAFT_CREATE,
    DRAFT_COMPLETE,
    DRAFT_DELETE,
)
