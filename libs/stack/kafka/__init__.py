"""Apache Kafka as one KRaft node on the JVM."""
