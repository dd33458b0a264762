"""The two ledgers: customer money and supplier money."""
