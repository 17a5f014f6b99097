"""The structs inside a container's request, with the types that Go's have: `api/types` of https://github.com/moby/moby."""

from engine.gojson import (
    DURATION,
    EMPTY,
    INT,
    INT64,
    TEXT,
    TEXT_MAP,
    TEXTS,
    TRUTH,
    UINT16,
    UINT64,
    Listed,
    Mapped,
    Number,
    Struct,
    Text,
)

EXPOSED_PORTS = Mapped(EMPTY, "nat.PortSet")
VOLUMES = Mapped(EMPTY)

HEALTHCHECK = Struct(
    "HealthConfig",
    {
        "Test": TEXTS,
        "Interval": DURATION,
        "Timeout": DURATION,
        "StartPeriod": DURATION,
        "StartInterval": DURATION,
        "Retries": INT,
    },
)

LOG_CONFIG = Struct("LogConfig", {"Type": TEXT, "Config": TEXT_MAP})
RESTART_POLICY = Struct("RestartPolicy", {"Name": Text("container.RestartPolicyMode"), "MaximumRetryCount": INT})

PORT_BINDINGS = Mapped(
    Listed(Struct("PortBinding", {"HostIp": TEXT, "HostPort": TEXT}, package="nat", whole=True)), "nat.PortMap"
)

_WEIGHT = Struct("WeightDevice", {"Path": TEXT, "Weight": UINT16}, package="blkiodev")
_RATE = Struct("ThrottleDevice", {"Path": TEXT, "Rate": UINT64}, package="blkiodev")
WEIGHT_DEVICES, THROTTLE_DEVICES = Listed(_WEIGHT), Listed(_RATE)

DEVICES = Listed(Struct("DeviceMapping", {"PathOnHost": TEXT, "PathInContainer": TEXT, "CgroupPermissions": TEXT}))

DEVICE_REQUESTS = Listed(
    Struct(
        "DeviceRequest",
        {"Driver": TEXT, "Count": INT, "DeviceIDs": TEXTS, "Capabilities": Listed(TEXTS), "Options": TEXT_MAP},
    )
)

ULIMITS = Listed(Struct("Ulimit", {"Name": TEXT, "Soft": INT64, "Hard": INT64}, package="units"))

_ID_MAPPING = Struct("IDMapping", {"Source": TEXT, "User": TEXT}, package="mount")
_DRIVER = Struct("Driver", {"Name": TEXT, "Options": TEXT_MAP}, package="mount")
_BIND = Struct(
    "BindOptions",
    {
        "Propagation": Text("mount.Propagation"),
        "NonRecursive": TRUTH,
        "CreateMountpoint": TRUTH,
        "ReadOnlyNonRecursive": TRUTH,
        "ReadOnlyForceRecursive": TRUTH,
        "IDMapping": _ID_MAPPING,
    },
    package="mount",
)
_VOLUME = Struct(
    "VolumeOptions", {"NoCopy": TRUTH, "Labels": TEXT_MAP, "Subpath": TEXT, "DriverConfig": _DRIVER}, package="mount"
)
_TMPFS = Struct(
    "TmpfsOptions",
    {"SizeBytes": INT64, "Mode": Number("os.FileMode", 32, signed=False), "Options": Listed(TEXTS)},
    package="mount",
)
MOUNTS = Listed(
    Struct(
        "Mount",
        {
            "Type": Text("mount.Type"),
            "Source": TEXT,
            "Target": TEXT,
            "ReadOnly": TRUTH,
            "Consistency": Text("mount.Consistency"),
            "BindOptions": _BIND,
            "VolumeOptions": _VOLUME,
            "TmpfsOptions": _TMPFS,
            "ImageOptions": Struct("ImageOptions", {"Subpath": TEXT}, package="mount"),
            "ClusterOptions": Struct("ClusterOptions", {}, package="mount"),
        },
        package="mount",
    )
)

_ADDRESSES = Struct(
    "EndpointIPAMConfig", {"IPv4Address": TEXT, "IPv6Address": TEXT, "LinkLocalIPs": TEXTS}, package="network"
)
ENDPOINT = Struct(
    "EndpointSettings",
    {
        "IPAMConfig": _ADDRESSES,
        "Links": TEXTS,
        "Aliases": TEXTS,
        "MacAddress": TEXT,
        "DriverOpts": TEXT_MAP,
        "GwPriority": INT,
        "NetworkID": TEXT,
        "EndpointID": TEXT,
        "Gateway": TEXT,
        "IPAddress": TEXT,
        "IPPrefixLen": INT,
        "IPv6Gateway": TEXT,
        "GlobalIPv6Address": TEXT,
        "GlobalIPv6PrefixLen": INT,
        "DNSNames": TEXTS,
    },
    package="network",
)
NETWORKING = Struct("NetworkingConfig", {"EndpointsConfig": Mapped(ENDPOINT)}, package="network")
