"""The real ports: PostgreSQL behind Store, Kafka behind Bus, the system's clock."""
