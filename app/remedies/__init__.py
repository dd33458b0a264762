"""Replacements: goods sent again by a new order in the store, made once and proven."""
