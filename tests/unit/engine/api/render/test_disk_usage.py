"""What is used, by API version."""

from engine.api.render import disk_usage

IMAGES = disk_usage.images(
    [{"Containers": 2, "Size": 10, "SharedSize": 4}, {"Containers": 0, "Size": 7, "SharedSize": 4}], 13
)
CONTAINERS = disk_usage.containers([{"State": "running", "SizeRw": 5}, {"State": "exited", "SizeRw": 3}])
VOLUMES = disk_usage.volumes([{"UsageData": {"RefCount": 1, "Size": 8}}, {"UsageData": {"RefCount": 0, "Size": 2}}])
CACHE = disk_usage.build_cache([{"Size": 4, "InUse": False, "Shared": False}, {"Size": 9, "InUse": True}])
ALL = {"image": IMAGES, "container": CONTAINERS, "volume": VOLUMES, "build-cache": CACHE}


def test_what_could_go_is_what_nobody_uses_and_no_other_has() -> None:
    assert [(one.size, one.active, one.reclaimable) for one in ALL.values()] == [
        (13, 1, 3),
        (8, 1, 3),
        (10, 1, 2),
        (13, 1, 4),
    ]


def test_older_versions_have_the_objects() -> None:
    document = disk_usage.document(ALL, (1, 51), verbose=True)
    assert set(document) == {"LayersSize", "Images", "Containers", "Volumes", "BuildCache"}
    assert (document["LayersSize"], document["Images"]) == (13, IMAGES.items)


def test_kinds_that_were_not_asked_for_are_null_in_older_versions_and_left_out_in_newer_ones() -> None:
    assert disk_usage.document({"volume": VOLUMES}, (1, 51), verbose=False)["Images"] is None
    assert set(disk_usage.document({"volume": VOLUMES}, (1, 52), verbose=False)) == {"Volumes", "VolumeUsage"}


def test_newer_versions_have_sums_and_the_objects_for_who_asks() -> None:
    brief = disk_usage.document(ALL, (1, 52), verbose=False)
    assert brief["ImageUsage"] == {"ActiveCount": 1, "Reclaimable": 3, "TotalCount": 2, "TotalSize": 13}
    assert brief["Images"] == IMAGES.items
    whole = disk_usage.document(ALL, (1, 52), verbose=True)
    assert set(whole) == {"ImageUsage", "ContainerUsage", "VolumeUsage", "BuildCacheUsage"}
    assert whole["VolumeUsage"]["Items"] == VOLUMES.items
