"""The whole spec."""

import json

import pytest

from engine.containers.model import Mount
from engine.spec.build import Host, Inputs, Policy, build, cgroups_path, root_propagation
from engine.spec.namespaces import Joined
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
    assert root_propagation(container(mounts=[Mount("bind", "/a", "/b", propagation="rslave")])) == "rslave"


def test_the_spec_of_a_plain_container_is_dockers() -> None:
    """Every key; what is long is compared in the tests of its own module."""
    spec = build(Inputs(container=container(), host=Host(), policy=Policy(), user=User(0, 0, (10,))))
    assert set(spec) == {"ociVersion", "process", "root", "mounts", "linux", "hostname"}
    process = spec["process"]
    assert {key: process[key] for key in ("terminal", "args", "cwd", "noNewPrivileges", "oomScoreAdj")} == {
        "terminal": False,
        "args": ["true"],
        "cwd": "/",
        "noNewPrivileges": False,
        "oomScoreAdj": 0,
    }
    assert process["env"] == [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        f"HOSTNAME={ID[:12]}",
    ]
    assert set(process["capabilities"]) == {"bounding", "effective", "permitted"}
    assert set(spec["linux"]) == {
        "cgroupsPath",
        "namespaces",
        "resources",
        "devices",
        "maskedPaths",
        "readonlyPaths",
        "sysctl",
        "seccomp",
    }
    assert spec["linux"]["devices"] == []
    assert set(spec["linux"]["resources"]) == {"devices"}


def test_the_answer_shares_nothing_with_the_container() -> None:
    """A runtime's wishes must not find their way into the record."""
    made = container(host_config=host_config(Annotations={"a": "b"}, Ulimits=[{"Name": "core", "Soft": 1, "Hard": 1}]))
    before = json.dumps(made.to_json(), sort_keys=True)
    spec = build(Inputs(container=made, host=Host(), policy=Policy()))
    spec["annotations"]["x"] = "y"
    spec["process"]["args"].append("z")
    spec["process"]["rlimits"].clear()
    spec["linux"]["maskedPaths"].clear()
    assert json.dumps(made.to_json(), sort_keys=True) == before
    assert build(inputs())["linux"]["maskedPaths"]


def test_the_engines_files_are_bound_unless_somebody_mounts_there() -> None:
    """-v /my/hosts:/etc/hosts wins; a read-only root makes them read-only too."""
    files = {"/etc/hosts": "/engine/hosts", "/etc/resolv.conf": "/engine/resolv.conf"}
    made = container(mounts=[Mount("bind", "/mine", "/etc/hosts")], host_config=host_config(ReadonlyRootfs=True))
    found = build(Inputs(container=made, host=Host(), policy=Policy(), files=files))["mounts"]
    by_place = {mount["destination"]: mount for mount in found}
    assert by_place["/etc/hosts"]["source"] == "/mine"
    assert by_place["/etc/resolv.conf"]["source"] == "/engine/resolv.conf"
    assert "ro" in by_place["/etc/resolv.conf"]["options"]
    assert len(found) == len(by_place)


@pytest.mark.parametrize(
    ("daemon", "own", "wanted"),
    [(False, None, False), (True, None, True), (True, False, False), (False, True, True)],
)
def test_the_containers_word_about_an_init_goes_before_the_daemons(
    daemon: bool, own: bool | None, wanted: bool
) -> None:
    """ "Init": false switches it off."""
    spec = build(inputs(policy=Policy(init=daemon, init_path="/init"), host_config=host_config(Init=own)))
    assert (spec["process"]["args"][0] == "/sbin/docker-init") is wanted


@pytest.mark.parametrize("mode", ["host", "container:x"])
def test_an_init_is_of_no_use_in_somebody_elses_pid_namespace(mode: str) -> None:
    """There is one already."""
    joined = Joined(None, {"pid": 7})
    made = container(host_config=host_config(Init=True, PidMode=mode))
    spec = build(Inputs(container=made, host=Host(), policy=Policy(), joined=joined))
    assert spec["process"]["args"] == ["true"]


@pytest.mark.parametrize(
    ("daemon", "options", "wanted"),
    [
        (False, None, False),
        (True, None, True),
        (True, ["no-new-privileges=false"], False),
        (False, ["no-new-privileges"], True),
    ],
)
def test_no_new_privileges_of_daemon_and_container(daemon: bool, options: list[str] | None, wanted: bool) -> None:
    """The container's word wins, either way."""
    spec = build(inputs(policy=Policy(no_new_privileges=daemon), host_config=host_config(SecurityOpt=options)))
    assert spec["process"]["noNewPrivileges"] is wanted


def test_a_size_without_a_terminal_or_with_a_zero_is_none() -> None:
    """Clients send [0, 0] where they do not know it."""
    assert "consoleSize" not in build(inputs(host_config=host_config(ConsoleSize=[24, 80])))["process"]
    terminal = config(Tty=True)
    assert "consoleSize" not in build(inputs(config=terminal, host_config=host_config(ConsoleSize=[0, 0])))["process"]


def test_names_of_host_and_domain() -> None:
    """Both belong to the UTS namespace."""
    named = config(Hostname="web", Domainname="example.org")
    spec = build(inputs(config=named))
    assert (spec["hostname"], spec["domainname"]) == ("web", "example.org")
    shared = build(inputs(config=named, host_config=host_config(UTSMode="host")))
    assert "hostname" not in shared
    assert "domainname" not in shared


def test_a_profile_of_the_clients_own_is_used() -> None:
    """As JSON in the option."""
    profile = '{"defaultAction": "SCMP_ACT_LOG", "syscalls": []}'
    spec = build(inputs(host_config=host_config(SecurityOpt=[f"seccomp={profile}"])))
    assert spec["linux"]["seccomp"] == {"defaultAction": "SCMP_ACT_LOG", "syscalls": []}


def test_a_kernel_without_seccomp_gets_no_filter() -> None:
    """Else every container would fail."""
    assert "seccomp" not in build(inputs(host=Host(seccomp=False)))["linux"]


def test_hidden_paths_are_the_clients_where_it_names_them() -> None:
    """An empty list hides nothing."""
    linux = build(inputs(host_config=host_config(MaskedPaths=[], ReadonlyPaths=["/proc/x"])))["linux"]
    assert (linux["maskedPaths"], linux["readonlyPaths"]) == ([], ["/proc/x"])


@pytest.mark.parametrize("parent", ["/a", "a", "/a/", "/"])
def test_a_cgroup_parent_however_it_is_written(parent: str) -> None:
    """One slash between it and the id."""
    path = cgroups_path(container(host_config=host_config(CgroupParent=parent)), Policy())
    assert path.endswith(f"/{ID}")
    assert "//" not in path


def test_a_slave_bind_makes_the_root_a_recursive_slave() -> None:
    """Mounts below / are to pass them on as well; shared goes before slave."""
    assert root_propagation(container(mounts=[Mount("bind", "/a", "/b", propagation="slave")])) == "rslave"


def test_shared_goes_before_slave() -> None:
    """Whichever comes first."""
    both = [Mount("bind", "/a", "/b", propagation="rslave"), Mount("bind", "/c", "/d", propagation="shared")]
    assert root_propagation(container(mounts=both)) == "shared"
    assert root_propagation(container(mounts=both[::-1])) == "shared"


def test_a_hundred_thousand_variables_and_labels_are_built_in_a_moment() -> None:
    """No step is quadratic."""
    env = [f"NAME_{number}=x" for number in range(100_000)]
    labels = {f"l{number}": "x" for number in range(100_000)}
    spec = build(inputs(config=config(Env=env, Labels=labels)))
    assert spec["process"]["env"][1:] == env
    assert "annotations" not in spec
