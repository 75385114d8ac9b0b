"""The local stack: PostgreSQL, Kafka, the embedded ledger and ClickHouse as processes of one user."""
