"""Measurements, run by `make bench`. They print tables; nothing here is asserted."""
