"""Numbers for Prometheus: what each process counts as it happens, and how things stand in the database."""
