"""The bodies of the API's answers: every field of every endpoint, in which versions it is there, and of what type.

One shape a name, one word a field: `NAME:TYPE`, `NAME?:TYPE` for one that may be left out, `NAME@44:TYPE` for one that
is there since 1.44, `NAME@-51:TYPE` until 1.51, `NAME@48-51:TYPE` for both. A type is str, int, num, bool, time (RFC
3339), null, any, another shape's name, `[T]` for a list, `{T}` for a map, `=a,b` for one of these words; `~` after it
allows null.

Nothing else may be in a body. Written from the per-version descriptions of the Engine API
(https://github.com/moby/moby/tree/master/api/docs) and from what dockerd answers where those are silent or wrong:
    they do not say which fields may be null, and most of Go's empty lists are.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

NEWEST = 56

_STATUS = "=created,running,paused,restarting,removing,exited,dead"
_ENDPOINT = """IPAMConfig:EndpointIPAM~ Links:[str]~ Aliases:[str]~ MacAddress:str DriverOpts:{str}~ GwPriority:int
    NetworkID:str EndpointID:str Gateway:str IPAddress:str IPPrefixLen:int IPv6Gateway:str GlobalIPv6Address:str
    GlobalIPv6PrefixLen:int DNSNames:[str]~"""
_CONFIG_OF_IMAGES = """ArgsEscaped?:bool ExposedPorts?:{Empty} Healthcheck?:Healthcheck Shell?:[str] StopSignal?:str"""
_OLD_CONFIG = """Hostname:str Domainname:str AttachStdin:bool AttachStdout:bool AttachStderr:bool Tty:bool
    OpenStdin:bool StdinOnce:bool Image:str"""
_SUMMARY = f"""Id:str Names:[str] Image:str ImageID:str Command:str Created:int Ports:[Port] Labels:{{str}}
    State:{_STATUS} Status:str HostConfig:SummaryHostConfig NetworkSettings:SummaryNetworks Mounts:[MountPoint]
    SizeRw?:int SizeRootFs?:int Health?@52:ShortHealth"""
_VOLUME = """CreatedAt:time Driver:=local Labels:{str}~ Mountpoint:str Name:str Options:{str}~ Scope:=local"""
_NETWORK = """Name:str Id:str Created:time Scope:=local Driver:=bridge,host,null,macvlan,ipvlan EnableIPv4:bool
    EnableIPv6:bool IPAM:IPAM Internal:bool Attachable:bool Ingress:bool ConfigFrom:ConfigReference ConfigOnly:bool
    Containers:{EndpointResource} Options:{str} Labels:{str}"""
_ALL_SETTINGS = """Bridge@-51:str HairpinMode@-51:bool LinkLocalIPv6Address@-51:str LinkLocalIPv6PrefixLen@-51:int
    SecondaryIPAddresses@-51:null SecondaryIPv6Addresses@-51:null EndpointID@-51:str Gateway@-51:str
    GlobalIPv6Address@-51:str GlobalIPv6PrefixLen@-51:int IPAddress@-51:str IPPrefixLen@-51:int IPv6Gateway@-51:str
    MacAddress@-51:str"""

SHAPES = {
    "Empty": "",
    "Error": "message:str",
    "Id": "Id:str",
    # -- containers
    "Summary": f"{_SUMMARY} ImageManifestDescriptor?@48:Descriptor",
    "SummaryWithLogs": f"{_SUMMARY} SizeLogs:int",
    "SummaryHostConfig": "NetworkMode:str Annotations?@46:{str}",
    "SummaryNetworks": "Networks:{Endpoint}",
    "ShortHealth": "Status:=none,starting,healthy,unhealthy FailingStreak:int",
    "Port": "IP?:str PrivatePort:int PublicPort?:int Type:=tcp,udp,sctp",
    "MountPoint": """Type:=bind,volume,tmpfs,image Name?:str Source:str Destination:str Driver?:str Mode:str RW:bool
        Propagation:str""",
    "Endpoint": _ENDPOINT,
    "EndpointIPAM": "IPv4Address?:str IPv6Address?:str LinkLocalIPs?:[str]",
    "Container": """Id:str Created:time Path:str Args:[str] State:State Image:str ResolvConfPath:str HostnamePath:str
        HostsPath:str LogPath:str Name:str RestartCount:int Driver:str Platform:=linux MountLabel:str ProcessLabel:str
        AppArmorProfile:str ExecIDs:[str]~ HostConfig:HostConfig Mounts:[MountPoint] Config:Config
        NetworkSettings:NetworkSettings GraphDriver@-51:GraphDriver Storage@52:Storage SizeRw?:int SizeRootFs?:int
        ImageManifestDescriptor?@48:Descriptor""",
    "State": f"""Status:{_STATUS} Running:bool Paused:bool Restarting:bool OOMKilled:bool Dead:bool Pid:int ExitCode:int
        Error:str StartedAt:time FinishedAt:time Health?:Health""",
    "Health": "Status:=none,starting,healthy,unhealthy FailingStreak:int Log:[Probe]",
    "Probe": "Start:time End:time ExitCode:int Output:str",
    "GraphDriver": "Name:str Data:{str}~",
    "Storage": "RootFS:StorageRoot",
    "StorageRoot": "Snapshot:StorageSnapshot",
    "StorageSnapshot": "Name:str",
    "HostConfig": """Binds:[str]~ ContainerIDFile:str LogConfig:LogConfig NetworkMode:str PortBindings:{[PortBinding]~}~
        RestartPolicy:RestartPolicy AutoRemove:bool VolumeDriver:str VolumesFrom:[str]~ ConsoleSize:[int]
        Annotations?:{str} CapAdd:[str]~ CapDrop:[str]~ CgroupnsMode:=host,private Dns:[str]~ DnsOptions:[str]~
        DnsSearch:[str]~ ExtraHosts:[str]~ GroupAdd:[str]~ IpcMode:str Cgroup:str Links:[str]~ OomScoreAdj:int
        PidMode:str Privileged:bool PublishAllPorts:bool ReadonlyRootfs:bool SecurityOpt:[str]~ StorageOpt?:{str}
        Tmpfs?:{str} UTSMode:str UsernsMode:str ShmSize:int Sysctls?:{str} Runtime:str Isolation:str CpuShares:int
        Memory:int NanoCpus:int CgroupParent:str BlkioWeight:int BlkioWeightDevice:[WeightDevice]~
        BlkioDeviceReadBps:[ThrottleDevice]~ BlkioDeviceWriteBps:[ThrottleDevice]~
        BlkioDeviceReadIOps:[ThrottleDevice]~ BlkioDeviceWriteIOps:[ThrottleDevice]~ CpuPeriod:int CpuQuota:int
        CpuRealtimePeriod:int CpuRealtimeRuntime:int CpusetCpus:str CpusetMems:str Devices:[Device]~
        DeviceCgroupRules:[str]~ DeviceRequests:[DeviceRequest]~ KernelMemory@-41:int KernelMemoryTCP?@-51:int
        MemoryReservation:int MemorySwap:int MemorySwappiness:int~ OomKillDisable:bool~ PidsLimit:int~
        Ulimits:[Ulimit]~ CpuCount:int CpuPercent:int IOMaximumIOps:int IOMaximumBandwidth:int Mounts?:[Mount]
            Init?:bool MaskedPaths:[str]~ ReadonlyPaths:[str]~""",
    "LogConfig": "Type:str Config:{str}",
    "PortBinding": "HostIp:str HostPort:str",
    "RestartPolicy": "Name:=no,always,unless-stopped,on-failure,on-unhealthy MaximumRetryCount:int",
    "WeightDevice": "Path:str Weight:int",
    "ThrottleDevice": "Path:str Rate:int",
    "Device": "PathOnHost:str PathInContainer:str CgroupPermissions:str",
    "DeviceRequest": "Driver:str Count:int DeviceIDs:[str]~ Capabilities:[[str]]~ Options:{str}~",
    "Ulimit": "Name:str Soft:int Hard:int",
    "Mount": """Type:=bind,volume,tmpfs,image Source?:str Target:str ReadOnly?:bool Consistency?:str BindOptions?:any
        VolumeOptions?:any TmpfsOptions?:any ImageOptions?:any""",
    "Config": f"""{_OLD_CONFIG} User:str Env:[str] Cmd:[str]~ Volumes:{{Empty}}~ WorkingDir:str Entrypoint:[str]~
        OnBuild@-51:[str]~ OnBuild?@52:[str] Labels:{{str}} MacAddress@-43:str MacAddress?@44-51:str
        NetworkDisabled?:bool StopTimeout?:int {_CONFIG_OF_IMAGES}""",
    "Healthcheck": "Test?:[str] Interval?:int Timeout?:int StartPeriod?:int StartInterval?:int Retries?:int",
    "NetworkSettings": f"SandboxID:str SandboxKey:str Ports:{{[PortBinding]~}} Networks:{{Endpoint}} {_ALL_SETTINGS}",
    "Created": "Id:str Warnings:[str]",
    "Updated": "Warnings:[str]",
    "Waited": "StatusCode:int Error?:any",
    "Top": "Titles:[str] Processes:[[str]]",
    "Change": "Path:str Kind:int",
    "Exec": """ID:str Running:bool ExitCode:int~ ProcessConfig:ExecProcess OpenStdin:bool OpenStderr:bool
        OpenStdout:bool CanRemove:bool ContainerID:str DetachKeys:str Pid:int""",
    "ExecProcess": "tty:bool entrypoint:str arguments:[str] privileged:bool user?:str",
    "PathStat": "name:str size:int mode:int mtime:time linkTarget:str",
    "PrunedContainers": "ContainersDeleted:[str]~ SpaceReclaimed:int",
    "Stats": """name:str id:str read:time preread:time num_procs:int storage_stats:any precpu_stats:CpuStats
        pids_stats:PidsStats cpu_stats:CpuStats memory_stats:MemoryStats blkio_stats:{[BlkioEntry]~}
        networks?:{NetworkStats} os_type@52:=linux""",
    "CpuStats": "cpu_usage:CpuUsage system_cpu_usage?:int online_cpus?:int throttling_data:Throttling",
    "CpuUsage": "total_usage:int percpu_usage?:[int] usage_in_kernelmode:int usage_in_usermode:int",
    "Throttling": "periods:int throttled_periods:int throttled_time:int",
    "PidsStats": "current?:int limit?:int",
    "MemoryStats": "usage?:int max_usage?:int stats?:{int} failcnt?:int limit?:int",
    "BlkioEntry": "major:int minor:int op:str value:int",
    "NetworkStats": """rx_bytes:int rx_packets:int rx_errors:int rx_dropped:int tx_bytes:int tx_packets:int
        tx_errors:int tx_dropped:int""",
    # -- images
    "ImageSummary": """Id:str ParentId:str RepoTags:[str] RepoDigests:[str] Created:int Size:int SharedSize:int
        VirtualSize@-43:int Labels:{str}~ Containers:int Manifests?@47:[Manifest] Descriptor?@48:Descriptor""",
    "Image": """Id:str RepoTags:[str] RepoDigests:[str] Created:time Architecture:str Variant?:str Os:str OsVersion?:str
        Size:int VirtualSize@-43:int RootFS:RootFS Metadata:Metadata Config:ImageConfig Parent@-51:str Parent?@52:str
        Comment@-51:str Comment?@52:str DockerVersion@-51:str DockerVersion?@52:str Author@-51:str Author?@52:str
        Container@-44:str ContainerConfig@-44:ContainerConfig GraphDriver@-51:GraphDriver Manifests?@48:[Manifest]
        Descriptor@48:Descriptor Identity?@53:Identity""",
    "RootFS": "Type:=layers Layers:[str]",
    "Metadata": "LastTagTime:time",
    "ImageConfig": f"""{" ".join(word.replace(":", "@-49:") for word in _OLD_CONFIG.split())} Cmd@-51:[str]~
        Cmd?@52:[str] Entrypoint@-51:[str]~ Entrypoint?@52:[str] Env@-51:[str]~ Env?@52:[str] Labels@-51:{{str}}~
        Labels?@52:{{str}} OnBuild@-51:[str]~ OnBuild?@52:[str] User@-51:str User?@52:str Volumes@-51:{{Empty}}~
        Volumes?@52:{{Empty}} WorkingDir@-51:str WorkingDir?@52:str {_CONFIG_OF_IMAGES}""",
    "ContainerConfig": f"""{_OLD_CONFIG} Cmd:[str]~ Entrypoint:[str]~ Env:[str]~ Labels:{{str}}~ OnBuild:[str]~ User:str
        Volumes:{{Empty}}~ WorkingDir:str {_CONFIG_OF_IMAGES}""",
    "Manifest": """ID:str Descriptor:Descriptor Available:bool Kind:=image,attestation,unknown Size:ManifestSize
        ImageData?:ManifestImage AttestationData?:AttestationData""",
    "ManifestSize": "Content:int Total:int",
    "ManifestImage": "Platform:Platform Size:UnpackedSize Containers:[str]~ Identity?@54:Identity",
    "AttestationData": "For:str",
    "Identity": "Signature?:[any] Pull?:[PullIdentity] Build?:[BuildIdentity]",
    "PullIdentity": "Repository:str",
    "BuildIdentity": "Ref:str CreatedAt:time",
    "Attestation": "Descriptor:Descriptor PredicateType:str Statement?:any",
    "UnpackedSize": "Unpacked:int",
    "Descriptor": "mediaType:str digest:str size:int platform?:Platform annotations?:{str}",
    "Platform": "architecture:str os:str variant?:str os.version?:str os.features?:[str]",
    "Step": "Id:str Created:int CreatedBy:str Tags:[str]~ Size:int Comment:str",
    "Removed": "Untagged?:str Deleted?:str",
    "PrunedImages": "ImagesDeleted:[Removed]~ SpaceReclaimed:int",
    "PrunedCache": "CachesDeleted:[str]~ SpaceReclaimed:int",
    "Distribution": "Descriptor:Descriptor Platforms:[Platform]",
    # -- networks and volumes
    "Network": _NETWORK,
    "NetworkInspected": f"{_NETWORK} Status@52:NetworkStatus",
    "NetworkStatus": "IPAM:IPAMStatus",
    "IPAMStatus": "Subnets:{SubnetStatus}",
    "SubnetStatus": "IPsInUse:int DynamicIPsAvailable:int",
    "IPAM": "Driver:=default Options:{str}~ Config:[Pool]~",
    "Pool": "Subnet:str IPRange?:str Gateway?:str AuxiliaryAddresses?:{str}",
    "ConfigReference": "Network:str",
    "EndpointResource": "Name:str EndpointID:str MacAddress:str IPv4Address:str IPv6Address:str",
    "NetworkMade": "Id:str Warning:str",
    "PrunedNetworks": "NetworksDeleted:[str]~",
    "Volume": _VOLUME,
    "MeasuredVolume": f"{_VOLUME} UsageData:VolumeUsage",
    "VolumeUsage": "RefCount:int Size:int",
    "Volumes": "Volumes:[Volume] Warnings:[str]~",
    "PrunedVolumes": "VolumesDeleted:[str] SpaceReclaimed:int",
    # -- the engine
    "Auth": "IdentityToken:str Status:str",
    "Version": """Platform:NamedPlatform Components:[Component] Version:str ApiVersion:str MinAPIVersion:str
        GitCommit:str GoVersion:str Os:=linux Arch:str KernelVersion:str BuildTime:str Experimental?:bool""",
    "NamedPlatform": "Name:str",
    "Component": "Name:str Version:str Details:{str}",
    "Event": """status?@-51:str id?@-51:str from?@-51:str Type:str Action:str Actor:Actor scope:=local time:int
        timeNano:int""",
    "Actor": "ID:str Attributes:{str}",
    "DiskUsage": """LayersSize@-51:int Images@-51:[ImageSummary] Containers@-51:[SummaryWithLogs]
        Volumes@-51:[MeasuredVolume] BuildCache@-51:[CacheRecord] LayersSize?@52:int Images?@52:[ImageSummary]
        Containers?@52:[SummaryWithLogs] Volumes?@52:[MeasuredVolume] BuildCache?@52:[CacheRecord]
        ImageUsage@52:ImagesUsage ContainerUsage@52:ContainersUsage VolumeUsage@52:VolumesUsage
            BuildCacheUsage@52:CacheUsage""",
    "ImagesUsage": "ActiveCount?:int Reclaimable?:int TotalCount?:int TotalSize?:int Items?:[ImageSummary]",
    "ContainersUsage": "ActiveCount?:int Reclaimable?:int TotalCount?:int TotalSize?:int Items?:[SummaryWithLogs]",
    "VolumesUsage": "ActiveCount?:int Reclaimable?:int TotalCount?:int TotalSize?:int Items?:[MeasuredVolume]",
    "CacheUsage": "ActiveCount?:int Reclaimable?:int TotalCount?:int TotalSize?:int Items?:[CacheRecord]",
    "CacheRecord": """ID:str Parents?:[str] Type:str Description:str InUse:bool Shared:bool Size:int CreatedAt:time
        LastUsedAt:time~ UsageCount:int""",
    "Info": """ID:str Containers:int ContainersRunning:int ContainersPaused:int ContainersStopped:int Images:int
        Driver:str DriverStatus:[[str]] Plugins:Plugins LoggingDriver:str CgroupDriver:=cgroupfs CgroupVersion:=1,2
        MemoryLimit:bool SwapLimit:bool CpuCfsPeriod:bool CpuCfsQuota:bool CPUShares:bool CPUSet:bool PidsLimit:bool
        IPv4Forwarding:bool IndexServerAddress:str OomKillDisable:bool SystemTime:time KernelVersion:str
        OperatingSystem:str OSVersion:str OSType:=linux Architecture:str NCPU:int MemTotal:int Name:str
        SecurityOptions:[str] Debug:bool NFd:int NGoroutines:int NEventsListener:int DockerRootDir:str Labels:[str]
        ExperimentalBuild:bool ServerVersion:str Runtimes:{Runtime} DefaultRuntime:str LiveRestoreEnabled:bool
        Isolation:str InitBinary:str ContainerdCommit:Commit RuncCommit:Commit InitCommit:Commit CDISpecDirs:[str]
        GenericResources:null HttpProxy:str HttpsProxy:str NoProxy:str RegistryConfig:Registries Swarm:Swarm
        Warnings:[str]~ BridgeNfIptables@-49:bool BridgeNfIp6tables@-49:bool KernelMemory@-41:bool
        KernelMemoryTCP@-51:bool Containerd@46:Containerd DiscoveredDevices@50:[DiscoveredDevice]
            FirewallBackend@49:Firewall DefaultAddressPools?:[AddressPool]""",
    "Plugins": "Volume:[str] Network:[str] Authorization:[str]~ Log:[str]",
    "Runtime": "path:str runtimeType?:str runtimeArgs?:[str] options?:any status?@44:{str}",
    "AddressPool": "Base:str Size:int",
    "Commit": "ID:str Expected@-48:str",
    "Registries": """InsecureRegistryCIDRs:[str] IndexConfigs:{Index} Mirrors:[str]~
        AllowNondistributableArtifactsCIDRs@-46:[str]~ AllowNondistributableArtifactsHostnames@-46:[str]~""",
    "Index": "Name:str Mirrors:[str] Secure:bool Official:bool",
    "Swarm": """NodeID:str NodeAddr:str LocalNodeState:=inactive ControlAvailable:bool Error:str RemoteManagers:null""",
    "Containerd": "Address:str Namespaces:ContainerdNamespaces",
    "ContainerdNamespaces": "Containers:str Plugins:str",
    "DiscoveredDevice": "Source:=cdi ID:str",
    "Firewall": "Driver:str Info?:[[str]]",
}

_WORD = re.compile(r"^(?P<name>[^?@:]+)(?P<optional>\?)?(?:@(?P<since>\d*)(?:-(?P<until>\d+))?)?:(?P<type>\S+)$")
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$")
_PLAIN: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "num": (int, float), "bool": (bool,)}


@dataclass(frozen=True, slots=True)
class Word:
    """One field of a shape."""

    name: str
    kind: str
    optional: bool
    since: int
    until: int


def words(shape: str) -> Iterator[Word]:
    """The fields of a shape."""
    for text in SHAPES[shape].split():
        found = _WORD.match(text)
        assert found is not None, text
        yield Word(
            found["name"],
            found["type"],
            found["optional"] is not None,
            int(found["since"] or 0),
            int(found["until"] or NEWEST),
        )


def complaints(kind: str, value: Any, minor: int, path: str = "") -> Iterator[str]:
    """What of a value is not as its type has it in API version 1.`minor`."""
    if kind.endswith("~"):
        if value is None:
            return
        kind = kind[:-1]
    if kind == "any":
        return
    if kind[0] in "[{":
        container: type = list if kind[0] == "[" else dict
        if not isinstance(value, container):
            yield f"{path}: {value!r} is no {container.__name__}"
            return
        for key, part in enumerate(value) if isinstance(value, list) else value.items():
            yield from complaints(kind[1:-1], part, minor, f"{path}[{key}]")
    elif kind in SHAPES:
        yield from _of_shape(kind, value, minor, path)
    elif not _fits(kind, value):
        yield f"{path}: {value!r} is no {kind}"


def _fits(kind: str, value: Any) -> bool:
    if kind == "null":
        return value is None
    if kind == "time":
        return isinstance(value, str) and _TIME.match(value) is not None
    if kind.startswith("="):
        return value in kind[1:].split(",")
    return isinstance(value, _PLAIN[kind]) and (kind == "bool" or not isinstance(value, bool))


def _of_shape(shape: str, value: Any, minor: int, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no {shape}"
        return
    known = {word.name: word for word in words(shape) if word.since <= minor <= word.until}
    yield from (f"{path}.{name}: not in 1.{minor}" for name in value if name not in known)
    for name, word in known.items():
        if name in value:
            yield from complaints(word.kind, value[name], minor, f"{path}.{name}")
        elif not word.optional:
            yield f"{path}.{name}: missing"
