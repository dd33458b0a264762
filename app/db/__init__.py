"""The database: engine, session, base classes, embedded PostgreSQL."""
