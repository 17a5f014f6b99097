"""The files of a sandbox."""

from pathlib import Path

from engine.networks.files import Writer
from engine.networks.hosts_files import Wishes
from engine.networks.model import Sandbox
from engine.networks.request import Request
from engine.paths import ContainerPaths
from tests.fakes.engine_networks import bridge_network, endpoint


def writer(folder: Path) -> Writer:
    made = Writer(lambda name: ContainerPaths(str(folder / name), str(folder), name), Wishes(servers=("9.9.9.9",)))
    made.host_gateway = "10.9.0.1"
    return made


def request(mode: str = "networks") -> Request:
    return Request(mode, hostname="box", domain="lan", wishes=Wishes(extra_hosts=("gw:host-gateway",)))


def test_all_three_are_written_and_named(tmp_path: Path) -> None:
    files = writer(tmp_path).write("c1", request(), [endpoint(1, bridge_network())])
    assert Path(files["/etc/hosts"]).read_text().endswith("10.9.0.1\tgw\n10.9.0.2\tbox.lan box\n")
    assert Path(files["/etc/hostname"]).read_text() == "box\n"
    assert Path(files["/etc/resolv.conf"]).read_text().startswith("nameserver 9.9.9.9\n")


def test_on_the_hosts_network_the_hosts_file_is_the_hosts_own(tmp_path: Path) -> None:
    files = writer(tmp_path).write("c1", request("host"), [])
    assert Path(files["/etc/hosts"]).read_text() == Path("/etc/hosts").read_text() + "10.9.0.1\tgw\n"


def test_when_networks_change_only_the_containers_own_lines_do(tmp_path: Path) -> None:
    made, network = writer(tmp_path), bridge_network()
    files = made.write("c1", request(), [endpoint(1, network)])
    hosts = Path(files["/etc/hosts"])
    hosts.write_text(hosts.read_text() + "1.2.3.4\tby-hand\n")
    made.write_hosts(Sandbox("c1", "/netns", files, name="box.lan box"), [endpoint(5, network)])
    assert hosts.read_text().splitlines()[-3:] == ["10.9.0.1\tgw", "1.2.3.4\tby-hand", "10.9.0.6\tbox.lan box"]


def test_whether_somebody_set_ndots_is_in_the_resolvers_file(tmp_path: Path) -> None:
    made = writer(tmp_path)
    for options, expected in (((), False), (("ndots:0",), False), (("timeout:1", "ndots:2"), True)):
        asked = Request("networks", hostname="box", wishes=Wishes(options=options))
        files = made.write("c1", asked, [endpoint(1, bridge_network())], own_server=True)
        assert made.has_ndots(Sandbox("c1", "/netns", files)) == expected
