"""The GraphQL documents about the shop itself: scopes, what a check asks, webhooks and discount codes.

They are held against Shopify's schema and its cost limit by the same test as `shopify_documents`.
"""

from __future__ import annotations

from app.stores.shopify_documents import Document

SCOPES = Document(
    "GrantedScopes",
    "currentAppInstallation",
    """
query GrantedScopes {
  currentAppInstallation { id accessScopes { handle } }
}
""",
)

SHOP = Document(
    "ShopOfToken",
    "shop",
    """
query ShopOfToken {
  shop { id myshopifyDomain }
}
""",
)

NEWEST_ORDER = Document(
    "NewestOrder",
    "orders",
    """
query NewestOrder {
  orders(first: 1, sortKey: UPDATED_AT, reverse: true) { nodes { id email } }
}
""",
)

WEBHOOKS = Document(
    "WebhookSubscriptions",
    "webhookSubscriptions",
    """
query WebhookSubscriptions($after: String) {
  webhookSubscriptions(first: 100, after: $after) {
    nodes { id topic uri }
    pageInfo { hasNextPage endCursor }
  }
}
""",
)

WEBHOOK_CREATE = Document(
    "WebhookSubscriptionCreate",
    "webhookSubscriptionCreate",
    """
mutation WebhookSubscriptionCreate($topic: WebhookSubscriptionTopic!, $sub: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $sub) {
    webhookSubscription { id }
    userErrors { field message }
  }
}
""",
)

# Only the id is selected: a union that a later version extends would break the answer.
DISCOUNT_CREATE = Document(
    "DiscountCodeBasicCreate",
    "discountCodeBasicCreate",
    """
mutation DiscountCodeBasicCreate($basicCodeDiscount: DiscountCodeBasicInput!) {
  discountCodeBasicCreate(basicCodeDiscount: $basicCodeDiscount) {
    codeDiscountNode { id }
    userErrors { code field message }
  }
}
""",
)

DISCOUNT_BY_CODE = Document(
    "DiscountByCode",
    "codeDiscountNodeByCode",
    """
query DiscountByCode($code: String!) {
  codeDiscountNodeByCode(code: $code) { id }
}
""",
)

SHOP_DOCUMENTS: tuple[Document, ...] = (
    SCOPES,
    SHOP,
    NEWEST_ORDER,
    WEBHOOKS,
    WEBHOOK_CREATE,
    DISCOUNT_CREATE,
    DISCOUNT_BY_CODE,
)
