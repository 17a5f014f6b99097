"""The whole spec."""

from engine.containers.model import Mount
from engine.spec.build import Host, Inputs, Policy, build, cgroups_path, root_propagation
from engine.spec.process import User
from tests.fakes.engine_room import ID, config, container, host_config


def inputs(policy: Policy | None = None, host: Host | None = None, **changes: object) -> Inputs:
    return Inputs(container=container(**changes), host=host or Host(), policy=policy or Policy())


def test_a_plain_container() -> None:
    spec = build(inputs())
    assert spec["root"] == {"path": "rootfs", "readonly": False}
    assert spec["hostname"] == ID[:12]
    assert spec["linux"]["cgroupsPath"] == f"/docker/{ID}"
    assert spec["linux"]["seccomp"]["defaultAction"] == "SCMP_ACT_ERRNO"
    assert "/proc/kcore" in spec["linux"]["maskedPaths"]
    assert spec["process"]["args"] == ["true"]
    assert spec["process"]["cwd"] == "/"
    assert "CAP_SYS_ADMIN" not in spec["process"]["capabilities"]["bounding"]


def test_a_privileged_container_has_it_all() -> None:
    spec = build(inputs(host_config=host_config(Privileged=True), host=Host(capabilities=("CAP_SYS_ADMIN",))))
    assert spec["process"]["capabilities"]["effective"] == ["CAP_SYS_ADMIN"]
    assert "seccomp" not in spec["linux"]
    assert spec["linux"]["maskedPaths"] == []
    assert spec["linux"]["resources"]["devices"] == [{"allow": True, "access": "rwm"}]
    options = {mount["destination"]: mount["options"] for mount in spec["mounts"]}
    assert "ro" not in options["/sys"]


def test_an_unprivileged_user_has_a_bound_but_no_effective_capabilities() -> None:
    spec = build(Inputs(container=container(), host=Host(), policy=Policy(), user=User(1000, 1000)))
    assert set(spec["process"]["capabilities"]) == {"bounding"}


def test_a_terminal_has_its_first_size() -> None:
    spec = build(inputs(config=config(Tty=True), host_config=host_config(ConsoleSize=[24, 80])))
    assert spec["process"]["consoleSize"] == {"height": 24, "width": 80}
    assert "TERM=xterm" in spec["process"]["env"]


def test_the_hosts_uts_namespace_keeps_its_name() -> None:
    assert "hostname" not in build(inputs(host_config=host_config(UTSMode="host")))


def test_an_init_comes_first_where_wanted() -> None:
    spec = build(inputs(policy=Policy(init_path="/usr/libexec/init"), host_config=host_config(Init=True)))
    assert spec["process"]["args"] == ["/sbin/docker-init", "--", "true"]
    assert any(mount["destination"] == "/sbin/docker-init" for mount in spec["mounts"])


def test_seccomp_can_be_turned_off() -> None:
    assert "seccomp" not in build(inputs(host_config=host_config(SecurityOpt=["seccomp=unconfined"])))["linux"]


def test_cgroup_parents() -> None:
    own = container(host_config=host_config(CgroupParent="/mine/"))
    assert cgroups_path(own, Policy()) == f"/mine/{ID}"
    assert cgroups_path(container(), Policy(cgroup_parent="/all")) == f"/all/{ID}"


def test_a_shared_bind_needs_a_shared_root() -> None:
    assert root_propagation(container()) == ""
    assert root_propagation(container(mounts=[Mount("bind", "/a", "/b", propagation="rshared")])) == "shared"
    assert root_propagation(container(mounts=[Mount("bind", "/a", "/b", propagation="rslave")])) == "slave"
