"""The shapes of requests that are no container's: `api/types` of https://github.com/moby/moby."""

from engine.containers.shapes import ENDPOINT
from engine.gojson import ANYTHING, TEXT, TEXT_MAP, TRUTH, Listed, Struct

_POOL = Struct(
    "IPAMConfig",
    {"Subnet": TEXT, "IPRange": TEXT, "Gateway": TEXT, "AuxiliaryAddresses": TEXT_MAP},
    package="network",
)
_IPAM = Struct("IPAM", {"Driver": TEXT, "Options": TEXT_MAP, "Config": Listed(_POOL)}, package="network")

NETWORK = Struct(
    "CreateRequest",
    {
        "Name": TEXT,
        "CheckDuplicate": TRUTH,
        "Driver": TEXT,
        "Scope": TEXT,
        "EnableIPv4": TRUTH,
        "EnableIPv6": TRUTH,
        "IPAM": _IPAM,
        "Internal": TRUTH,
        "Attachable": TRUTH,
        "Ingress": TRUTH,
        "ConfigOnly": TRUTH,
        "ConfigFrom": Struct("ConfigReference", {"Network": TEXT}, package="network"),
        "Options": TEXT_MAP,
        "Labels": TEXT_MAP,
    },
    package="network",
)

CONNECT = Struct("ConnectOptions", {"Container": TEXT, "EndpointConfig": ENDPOINT}, package="network")
DISCONNECT = Struct("DisconnectOptions", {"Container": TEXT, "Force": TRUTH}, package="network")

VOLUME = Struct(
    "CreateOptions",
    {"Name": TEXT, "Driver": TEXT, "DriverOpts": TEXT_MAP, "Labels": TEXT_MAP, "ClusterVolumeSpec": ANYTHING},
    package="volume",
)

CHECKPOINT = Struct("CreateOptions", {"CheckpointID": TEXT, "CheckpointDir": TEXT, "Exit": TRUTH}, package="checkpoint")

AUTH = Struct(
    "AuthConfig",
    {
        "username": TEXT,
        "password": TEXT,
        "auth": TEXT,
        "serveraddress": TEXT,
        "identitytoken": TEXT,
        "registrytoken": TEXT,
    },
    package="registry",
)
