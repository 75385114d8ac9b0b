"""What tests stand on: a stack for integration tests, fakes, simulated ports."""
