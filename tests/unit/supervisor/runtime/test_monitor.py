"""Events on their way, exits kept."""

from proto.containerd.events.task_pb2 import TaskDelete, TaskExit, TaskStart
from proto.containerd.runtime.task.v2.shim_pb2 import DeleteResponse
from supervisor.core.events import Envelope
from supervisor.core.typed import TypedValue
from supervisor.events import topics
from supervisor.runtime.monitor import TaskMonitor, unknown_end
from tests.fakes.supervisor_events import RecordingExchange

DIED = DeleteResponse(pid=5, exit_status=137)


def forward(monitor: TaskMonitor, topic: str, event: TypedValue) -> None:
    monitor.forward(Envelope(1, "ns", topic, event))


def test_everything_is_passed_on() -> None:
    exchange = RecordingExchange()
    monitor = TaskMonitor(exchange)
    forward(monitor, "/tasks/start", topics.typed(TaskStart(container_id="c1")))
    forward(monitor, topics.TASK_EXIT, TypedValue("containerd.events.TaskExit", b"\xff\xff"))
    assert exchange.topics == ["/tasks/start", "/tasks/exit"]


def test_the_exit_of_an_exec_is_not_the_containers() -> None:
    exchange = RecordingExchange()
    monitor = TaskMonitor(exchange)
    forward(monitor, topics.TASK_EXIT, topics.typed(TaskExit(container_id="c1", id="e1", exit_status=1)))
    assert monitor.died("ns", "c1", DIED).exit_status == 137
    assert exchange.topics == ["/tasks/exit", "/tasks/exit", "/tasks/delete"]


def test_an_exit_of_an_earlier_task_is_forgotten() -> None:
    exchange = RecordingExchange()
    monitor = TaskMonitor(exchange)
    forward(monitor, topics.TASK_EXIT, topics.typed(TaskExit(container_id="c1", id="c1", exit_status=1)))
    monitor.forget("ns", "c1")
    assert monitor.died("ns", "c1", DIED).exit_status == 137
    event = TaskDelete.FromString(exchange.envelopes[-1].event.value)
    assert (event.container_id, event.pid, event.exit_status) == ("c1", 5, 137)


def test_nobody_knowing_is_255_now() -> None:
    end = unknown_end()
    assert end.exit_status == 255
    assert end.exited_at.seconds > 0
