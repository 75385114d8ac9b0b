"""Two tiny services to try the runtime with: `tills` take money, `bells` ring when somebody pays in a lot."""
