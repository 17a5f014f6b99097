"""A container's life against a model of it: whatever is asked in whatever order, the engine and the model agree.

hypothesis invents the orders, and shortens one that fails. `WHERRY_LIFE_ORDERS=200 pytest tests/e2e/test_lives.py`
tries more of them; `WHERRY_TEST_DOCKER_HOST` asks a dockerd the same.
"""

import itertools
import os
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from tests import needs

docker = pytest.importorskip("docker")

pytestmark = [needs.root, needs.binary("docker"), needs.overlay]

ORDERS = int(os.environ.get("WHERRY_LIFE_ORDERS", "6"))
STEPS = 14
_SERIAL = itertools.count()


@dataclass
class Life:
    """What a container should be."""

    id: str
    name: str
    status: str = "created"
    code: int = 0
    starts: int = 0


def refused(call: Any, *arguments: Any, **options: Any) -> int:
    """0 for what was done, else the status of the refusal."""
    try:
        call(*arguments, **options)
    except docker.errors.APIError as error:
        return int(error.response.status_code)
    return 0


class Lives(RuleBasedStateMachine):
    """Containers that sleep until they are told to stop; each ends by the signal that it got."""

    client: ClassVar[Any]
    lives = Bundle("lives")

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Life] = {}
        self.label = f"lives-{os.getpid()}-{next(_SERIAL)}"  # nobody else's are looked at

    @rule(target=lives)
    def create(self) -> Life:
        name = f"life-{os.getpid()}-{next(_SERIAL)}"
        made = self.client.create_container(
            "busybox", ["sleep", "1000"], name=name, labels=[self.label], host_config=self.host
        )
        life = Life(made["Id"], name)
        self.known[life.id] = life
        return life

    @property
    def host(self) -> Any:
        return self.client.create_host_config(network_mode="none")

    @rule(life=lives)
    def start(self, life: Life) -> None:
        answer = refused(self.client.start, life.id)
        if life.status == "paused":
            assert answer == 409
            return
        assert answer == 0  # 304 is no error to the client: it runs already
        if life.status != "running":
            life.starts += 1
        life.status = "running"

    @rule(life=lives)
    def stop(self, life: Life) -> None:
        """sleep has no handler, so SIGTERM does not reach it as the first process: SIGKILL after the time is over."""
        assert refused(self.client.stop, life.id, timeout=0) == 0
        if life.status in ("running", "paused"):
            life.status, life.code = "exited", 137

    @rule(life=lives)
    def kill(self, life: Life) -> None:
        answer = refused(self.client.kill, life.id)
        if life.status not in ("running", "paused"):
            assert answer == 409
            return
        assert answer == 0
        self.client.wait(life.id, timeout=30)
        life.status, life.code = "exited", 137

    @rule(life=lives)
    def restart(self, life: Life) -> None:
        assert refused(self.client.restart, life.id, timeout=0) == 0
        life.status, life.starts = "running", life.starts + 1

    @rule(life=lives)
    def pause(self, life: Life) -> None:
        assert refused(self.client.pause, life.id) == (0 if life.status == "running" else 409)
        if life.status == "running":
            life.status = "paused"

    @rule(life=lives)
    def unpause(self, life: Life) -> None:
        assert refused(self.client.unpause, life.id) == (0 if life.status == "paused" else 500)
        if life.status == "paused":
            life.status = "running"

    @rule(life=lives)
    def execute(self, life: Life) -> None:
        if life.status != "running":
            assert refused(self.client.exec_create, life.id, ["true"]) == 409
            return
        made = self.client.exec_create(life.id, ["sh", "-c", "echo out; exit 3"])
        # Output that comes with the answer's header is lost to docker-py, now and then: docs/compatibility.md.
        assert self.client.exec_start(made["Id"]) in (b"out\n", b"")
        assert self.client.exec_inspect(made["Id"])["ExitCode"] == 3

    @rule(life=lives, again=st.booleans())
    def rename(self, life: Life, again: bool) -> None:
        name = life.name if again else f"life-{os.getpid()}-{next(_SERIAL)}"
        answer = refused(self.client.rename, life.id, name)
        assert answer in ((400, 409) if again else (0,))
        life.name = name

    @rule(life=consumes(lives), force=st.booleans())
    def remove(self, life: Life, force: bool) -> None:
        answer = refused(self.client.remove_container, life.id, force=force)
        if life.status in ("running", "paused") and not force:
            assert answer == 409
            self.client.remove_container(life.id, force=True)
        else:
            assert answer == 0
        del self.known[life.id]
        assert refused(self.client.inspect_container, life.id) == 404

    @invariant()
    def agree(self) -> None:
        """The list and each document say what the model says."""
        listed = {one["Id"]: one for one in self.client.containers(all=True, filters={"label": self.label})}
        assert set(listed) == set(self.known)
        for life in self.known.values():
            document = self.client.inspect_container(life.id)
            assert document["State"]["Status"] == listed[life.id]["State"] == life.status
            assert listed[life.id]["Names"] == [document["Name"]] == [f"/{life.name}"]
            assert bool(document["State"]["Pid"]) == (life.status in ("running", "paused"))
            if life.status == "exited":
                assert document["State"]["ExitCode"] == life.code

    def teardown(self) -> None:
        for life in self.known.values():
            self.client.remove_container(life.id, force=True)


def test_whatever_is_asked_the_engine_and_the_model_agree(client: Any) -> None:
    Lives.client = client.api
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=ORDERS,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
