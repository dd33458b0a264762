"""Evidence: what customers and suppliers show and tell, and how their photos are kept and shown."""
