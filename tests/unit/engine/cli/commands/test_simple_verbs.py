"""The verbs that are one request each."""

import pytest

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


@pytest.mark.parametrize(
    ("words", "request_line", "query"),
    [
        (["stop", "-t", "3", "c"], "POST /containers/c/stop", {"t": ["3"]}),
        (["restart", "-s", "HUP", "c"], "POST /containers/c/restart", {"signal": ["HUP"]}),
        (["start", "c"], "POST /containers/c/start", {}),
        (["kill", "-s", "9", "c"], "POST /containers/c/kill", {"signal": ["9"]}),
        (["pause", "c"], "POST /containers/c/pause", {}),
        (["unpause", "c"], "POST /containers/c/unpause", {}),
        (["rm", "-f", "-v", "c"], "DELETE /containers/c", {"force": ["1"], "v": ["1"]}),
        (["volume", "rm", "c"], "DELETE /volumes/c", {}),
        (["network", "rm", "c"], "DELETE /networks/c", {}),
    ],
)
def test_a_verb_asks_once_and_prints_the_name(
    engine: FakeEngine, run: Run, words: list[str], request_line: str, query: dict[str, list[str]]
) -> None:
    """Its flags become parameters."""
    engine.answers[request_line] = (204, None)
    result = run(*words)
    assert result.output == "c\n"
    assert engine.sent(*request_line.split()).query == query


@pytest.mark.parametrize(
    ("words", "request_line", "answer", "output"),
    [
        (["wait", "c"], "POST /containers/c/wait", {"StatusCode": 3}, "3\n"),
        (["tag", "a", "b:1"], "POST /images/a/tag", None, ""),
        (["rename", "a", "b"], "POST /containers/a/rename", None, ""),
        (["commit", "c", "i:1"], "POST /commit", {"Id": "sha256:x"}, "sha256:x\n"),
        (["volume", "create", "v"], "POST /volumes/create", {"Name": "v"}, "v\n"),
        (
            ["diff", "c"],
            "GET /containers/c/changes",
            [{"Kind": 1, "Path": "/a"}, {"Kind": 2, "Path": "/b"}],
            "A /a\nD /b\n",
        ),
        (
            ["rmi", "i"],
            "DELETE /images/i",
            [{"Untagged": "i"}, {"Deleted": "sha256:x"}],
            "Untagged: i\nDeleted: sha256:x\n",
        ),
        (
            ["top", "c"],
            "GET /containers/c/top",
            {"Titles": ["PID", "CMD"], "Processes": [["1", "sh"]]},
            "PID                 CMD\n1                   sh\n",
        ),
        (
            ["port", "c"],
            "GET /containers/c/json",
            {"NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}}},
            "80/tcp -> 0.0.0.0:8080\n",
        ),
        (["export", "c"], "GET /containers/c/export", b"tar", "tar"),
        (["save", "i"], "GET /images/get", b"tar", "tar"),
    ],
)
def test_a_verb_prints_what_the_engine_says(
    engine: FakeEngine, run: Run, words: list[str], request_line: str, answer: object, output: str
) -> None:
    """In docker's form."""
    engine.answers[request_line] = (200, answer)
    result = run(*words)
    assert result.output == output
    assert result.exit_code == 0


def test_history_info_version_and_df_print_their_tables(engine: FakeEngine, run: Run) -> None:
    """Every field they read is the API's."""
    engine.answers |= {
        "GET /images/i/history": (
            200,
            [{"Id": "<missing>", "Created": 0, "CreatedBy": "sh", "Size": 5, "Comment": ""}],
        ),
        "GET /info": (200, {"Containers": 1, "Runtimes": {"runc": {}, "lowrt": {}}, "MemTotal": 1 << 30}),
        "GET /version": (200, {"Version": "9", "ApiVersion": "1.47", "Os": "linux", "Arch": "amd64"}),
        "GET /system/df": (200, {"LayersSize": 10, "Images": [{"Containers": 0, "Size": 10}]}),
    }
    assert "<missing>" in run("history", "i").output
    assert "Runtimes: lowrt runc" in run("info").output
    assert "linux/amd64" in run("version").output
    assert run("system", "df").output.splitlines()[1].split() == ["Images", "1", "0", "10B", "10B", "(100%)"]


def test_completion_is_a_script_of_the_shell_asked_for(run: Run) -> None:
    """Made from the command table."""
    assert "_WHERRY_COMPLETE" in run("completion", "bash").output


@pytest.mark.parametrize(
    ("words", "request_line", "answer", "query"),
    [
        (
            ["commit", "-a", "me", "-m", "why", "-c", "CMD a", "-c", "USER b", "--no-pause", "c", "host:5000/i"],
            "POST /commit",
            {"Id": "sha256:x"},
            {
                "container": ["c"],
                "repo": ["host:5000/i"],
                "tag": ["latest"],
                "author": ["me"],
                "comment": ["why"],
                "changes": ["CMD a", "USER b"],
                "pause": ["0"],
            },
        ),
        (["tag", "a", "host:5000/b:1"], "POST /images/a/tag", None, {"repo": ["host:5000/b"], "tag": ["1"]}),
        (["rename", "a", "b"], "POST /containers/a/rename", None, {"name": ["b"]}),
        (["rmi", "-f", "--no-prune", "i"], "DELETE /images/i", [], {"force": ["1"], "noprune": ["1"]}),
        (["save", "a", "b:1"], "GET /images/get", b"", {"names": ["a", "b:1"]}),
        (
            ["top", "c", "-o", "pid"],
            "GET /containers/c/top",
            {"Titles": ["PID"], "Processes": []},
            {"ps_args": ["-o pid"]},
        ),
    ],
)
def test_flags_become_parameters_of_the_api(
    engine: FakeEngine, run: Run, words: list[str], request_line: str, answer: object, query: dict[str, list[str]]
) -> None:
    """By the names that dockerd reads."""
    engine.answers[request_line] = (200, answer)
    assert run(*words).exit_code == 0
    assert engine.sent(*request_line.split()).query == query


def test_one_port_is_looked_up_and_ipv6_has_its_brackets(engine: FakeEngine, run: Run) -> None:
    """tcp unless said otherwise; an unpublished one is a failure."""
    ports = {"80/tcp": [{"HostIp": "::", "HostPort": "8080"}], "53/udp": None}
    engine.answers["GET /containers/c/json"] = (200, {"NetworkSettings": {"Ports": ports}})
    assert run("port", "c", "80").output == "[::]:8080\n"
    result = run("port", "c", "53/udp")
    assert result.exit_code == 1
    assert "no public port '53/udp' published for c" in result.stderr.lower()


def test_a_failure_in_the_middle_does_not_stop_the_rest(engine: FakeEngine, run: Run) -> None:
    """Each is told, and the end is 1."""
    engine.answers |= {"POST /containers/a/kill": (204, None), "POST /containers/c/kill": (204, None)}
    result = run("kill", "a", "b", "c")
    assert result.stdout == "a\nc\n"
    assert "Error response from daemon: no /containers/b/kill here" in result.stderr
    assert result.exit_code == 1


def test_forced_removal_of_what_is_gone_is_no_failure(engine: FakeEngine, run: Run) -> None:
    """It says so all the same."""
    engine.answers["DELETE /containers/c"] = (404, {"message": "No such container: c"})
    forced, plain = run("rm", "-f", "c"), run("rm", "c")
    assert (forced.exit_code, plain.exit_code) == (0, 1)
    assert forced.stderr == plain.stderr == "Error response from daemon: No such container: c\n"
