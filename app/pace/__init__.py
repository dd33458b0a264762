"""How fast stores and suppliers are asked: one bucket for each, in the database, for all processes together."""
