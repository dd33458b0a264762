"""The withdrawal function: two steps, no account, no reason asked for, and a receipt."""
