"""Prometheus metrics: what is counted, what is asked of tasks, and the page it is shown on."""
