"""The edge: HTTP, authentication, idempotency, problems, telemetry, settings, service composition."""
