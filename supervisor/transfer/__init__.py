"""Pull, push, import, export and tag, behind containerd.services.transfer.v1."""
