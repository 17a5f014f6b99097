from supervisor.transfer.endpoints import ImageStoreEnd, RegistryEnd


def test_ends_are_named_as_containerd_names_them() -> None:
    assert str(RegistryEnd("docker.io/library/busybox:1")) == "OCI Registry (docker.io/library/busybox:1)"
    assert str(ImageStoreEnd("x")) == "Local Image Store (x)"
