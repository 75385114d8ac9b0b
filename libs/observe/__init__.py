"""What the write path shows of itself: spans that join a request to its commit, and Prometheus metrics."""
