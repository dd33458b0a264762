"""The sandbox's Shopify shop."""
