"""The engine's view of the layer below: one thin typed client per containerd service, Faults instead of statuses."""
