"""Messages to customers: wording and sending."""
