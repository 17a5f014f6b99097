"""Volumes: named and anonymous folders that outlive containers."""
