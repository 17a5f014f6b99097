"""What a client asks of a Dockerfile without building it: `docker build --call=targets`."""

import json
from collections.abc import Mapping
from typing import Any

from engine.builder import parser
from engine.builder.parser import Dockerfile
from engine.buildkit import failures
from engine.buildkit.jobs import Failed, Job
from proto.buildkit.services import gateway_pb2 as pb

_DESCRIBE, _TARGETS = "frontend.subrequests.describe", "frontend.targets"
_KNOWN = {
    _DESCRIBE: "List available subrequest types",
    _TARGETS: "List all targets current build supports",
}
_VERSION = "1.0.0"


async def answer(job: Job, options: Mapping[str, str]) -> pb.Result:
    """The result's metadata; for what is not known here, the status by which clients go on without."""
    asked = options["requestid"]
    if asked not in _KNOWN:
        raise Failed(failures.unsupported_subrequest(asked))
    if asked == _DESCRIBE:
        document: Any = [
            {"name": name, "version": _VERSION, "type": "rpc", "description": text} for name, text in _KNOWN.items()
        ]
        return _result(document, "\n".join(f"{name} - {text}" for name, text in _KNOWN.items()))
    found = targets(parser.parse(await job.dockerfile(options)))
    return _result(found, _table(found["targets"]))


def targets(file: Dockerfile) -> dict[str, Any]:
    """The stages; the last one is built unless another is named."""
    last = len(file.stages) - 1
    rows = []
    for number, stage in enumerate(file.stages):
        row = {"name": stage.name, "base": stage.base, "default": number == last}
        rows.append({key: value for key, value in row.items() if value})
    return {"targets": rows}


def _table(rows: list[dict[str, Any]]) -> str:
    shown = [row["name"] + (" (default)" if row.get("default") else "") for row in rows if row.get("name")]
    return "\n".join(["TARGET", *shown]) + "\n"


def _result(document: Any, text: str) -> pb.Result:
    return pb.Result(
        metadata={
            "result.json": json.dumps(document).encode(),
            "result.txt": text.encode(),
            "version": _VERSION.encode(),
        }
    )
