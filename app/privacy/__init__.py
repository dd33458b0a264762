"""Personal data: what is kept of a customer, how it is shown, and how it is erased."""
