"""Prometheus metrics under the names that dockerd has for them."""
