"""Layers: tar onto mounts, and mounts compared into tar."""
