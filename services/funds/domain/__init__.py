"""The rules of funds, pure: a file for each aggregate, the initial offer, calendars, dealing dates."""
