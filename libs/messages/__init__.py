"""The published events of each service, one file a service: the only coupling between services."""
