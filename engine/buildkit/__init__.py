"""BuildKit's own protocol, on the engine's builder: what `docker build`, buildx and compose speak."""
