"""Pages for readers: customers, suppliers, and whoever wants to know the rules of a store."""
