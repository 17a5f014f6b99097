"""Blobs by digest, and resumable writes into them."""
