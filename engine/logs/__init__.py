"""Container logs: read for clients; written by the engine only where a foreign shim does not do it itself."""
