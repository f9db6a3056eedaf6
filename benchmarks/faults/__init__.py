"""Faults while somebody labels: 200 seeded scenarios in a real browser against a real server, each compared at its end."""
