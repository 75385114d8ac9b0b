"""The Bus port on Apache Kafka."""
