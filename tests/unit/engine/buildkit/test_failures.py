"""A build's failure as a status: its words, its code, its place."""

import base64
import json

import grpc
import pytest

from engine.buildkit import failures
from engine.buildkit.failures import Source
from proto.errdefs import Cancelled, InvalidArgument

SOURCE = Source("Dockerfile", "FROM x\nRUN a \\\n  b\nRUN c\n")


def test_a_build_fails_with_an_unknown_code_so_that_clients_show_the_words_alone() -> None:
    assert failures.status(InvalidArgument("no")).code == grpc.StatusCode.UNKNOWN.value[0]
    assert failures.status(Cancelled("context canceled")).code == grpc.StatusCode.CANCELLED.value[0]
    assert failures.status(failures.Absent("none")).code == grpc.StatusCode.UNIMPLEMENTED.value[0]


def test_the_line_goes_as_a_detail_to_the_last_line_of_the_instruction() -> None:
    status = failures.status(InvalidArgument("no"), SOURCE, 2)
    assert status.details[0].type_url == "github.com/moby/buildkit/errdefs.Source+json"
    detail = json.loads(status.details[0].value)
    assert detail["ranges"] == [{"start": {"line": 2}, "end": {"line": 3}}]
    assert base64.b64decode(detail["info"]["data"]).decode() == SOURCE.text
    assert detail["info"]["filename"] == "Dockerfile"


def test_a_parse_error_tells_its_line_itself_and_loses_the_copy_of_it() -> None:
    fault = InvalidArgument("dockerfile parse error on line 3: unknown instruction: RUNN\n  3 | RUNN c")
    status = failures.status(fault, SOURCE)
    assert status.message == "dockerfile parse error on line 3: unknown instruction: RUNN"
    assert json.loads(status.details[0].value)["ranges"][0]["start"] == {"line": 3}


def test_without_a_place_there_is_no_detail() -> None:
    assert not failures.status(InvalidArgument("no"), SOURCE).details
    assert not failures.status(InvalidArgument("no"), None, 3).details


@pytest.mark.parametrize("command", ["/bin/sh -c exit 3", "a 'quoted' b", "two\nlines"])
def test_a_failed_command_is_told_as_buildkit_does(command: str) -> None:
    told = failures.reworded(f"The command '{command}' returned a non-zero code: 3")
    assert told == f'process "{command}" did not complete successfully: exit code: 3'


def test_a_target_that_is_not_there_is_told_as_buildkit_does() -> None:
    assert failures.reworded("failed to reach build target x in Dockerfile") == 'target stage "x" could not be found'


def test_an_unsupported_subrequest_can_be_told_from_other_failures() -> None:
    status = failures.unsupported_subrequest("frontend.x")
    assert status.details[0].type_url.endswith("errdefs.Subrequest+json")
    assert json.loads(status.details[0].value) == {"name": "frontend.x"}


async def test_the_whole_status_goes_with_the_end_of_a_call() -> None:
    class Context:
        async def abort(self, code: grpc.StatusCode, details: str, trailing_metadata: object) -> None:
            self.said = (code, details, trailing_metadata)
            raise InterruptedError

    context = Context()
    status = failures.status(InvalidArgument("no"), SOURCE, 2)
    with pytest.raises(InterruptedError):
        await failures.abort(context, status)  # type: ignore[arg-type]
    assert context.said[:2] == (grpc.StatusCode.UNKNOWN, "no")
    assert context.said[2] == (("grpc-status-details-bin", status.SerializeToString()),)
