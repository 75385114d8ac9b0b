"""The Store port on PostgreSQL: one schema and five roles a service."""
