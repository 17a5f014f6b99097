"""--device names and --gpus."""

from engine.cli.device_flags import device_requests, is_device_name


def test_a_node_is_no_name() -> None:
    assert not is_device_name("/dev/fuse:/f:r")
    assert is_device_name("vendor.com/class=name")


def test_names_are_one_request_and_gpus_another() -> None:
    assert device_requests(["/dev/fuse", "a.b/c=d", "a.b/c=e"], "2") == [
        {"Driver": "", "Count": 2, "Capabilities": [["gpu"]]},
        {"Driver": "cdi", "DeviceIDs": ["a.b/c=d", "a.b/c=e"]},
    ]
    assert device_requests(["/dev/fuse"], None) is None


def test_gpus_by_name() -> None:
    assert device_requests([], '"device=0,GPU-x"') == [
        {"Driver": "", "DeviceIDs": ["0", "GPU-x"], "Capabilities": [["gpu"]]}
    ]
