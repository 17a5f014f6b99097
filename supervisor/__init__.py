"""containerd's counterpart: images, content, snapshots and tasks behind containerd's gRPC API."""

__version__ = "0.1.0"
