"""The pages on which a customer asks for a return and follows it, without an account."""
