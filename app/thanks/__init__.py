"""After the return: a thank-you, perhaps with a coupon and with products that others kept."""
