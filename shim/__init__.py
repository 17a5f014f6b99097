"""containerd's shim: the parent of a container's processes, their streams and their exit codes."""

__version__ = "0.1.0"
