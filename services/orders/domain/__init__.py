"""The rules of orders, pure: what an order costs or brings, a switch, a gate."""
