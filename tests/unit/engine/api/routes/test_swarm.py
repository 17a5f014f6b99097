"""A single host, asked for a cluster."""

from pathlib import Path

import pytest

from tests.fakes.engine_room import Bench
from tests.fakes.engine_served import served


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/swarm", 503, "This node is not a swarm manager."),
        ("GET", "/services", 503, "This node is not a swarm manager."),
        ("POST", "/secrets/create", 503, "This node is not a swarm manager."),
        ("POST", "/v1.30/swarm/leave", 503, "This node is not part of a swarm"),
        ("POST", "/swarm/init", 501, "swarm mode is not supported"),
        ("GET", "/plugins/vieux/sshfs:latest/json", 404, 'plugin "vieux/sshfs:latest" not found'),
        ("POST", "/plugins/pull", 501, "plugins are not supported"),
    ],
)
async def test_each_answer_is_that_of_a_dockerd_outside_of_a_swarm(
    bench: Bench, tmp_path: Path, method: str, path: str, status: int, words: str
) -> None:
    async with served(bench, tmp_path) as api:
        answer = await api.ask(method, path)
    assert answer[0] == status
    assert answer[1]["message"].startswith(words)


async def test_there_are_no_plugins(bench: Bench, tmp_path: Path) -> None:
    async with served(bench, tmp_path) as api:
        assert await api.ask("GET", "/plugins") == (200, [])
