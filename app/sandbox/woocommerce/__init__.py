"""The sandbox's WooCommerce site."""
