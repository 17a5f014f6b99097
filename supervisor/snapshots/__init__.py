"""Snapshot drivers: what lies on disk, and the mounts that make a root file system of it."""
