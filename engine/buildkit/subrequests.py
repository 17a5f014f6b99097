"""What a client asks of a Dockerfile without building it: `docker build --call=targets`, `--call=outline`."""

import json
from collections.abc import Mapping
from itertools import chain
from typing import Any

from engine.builder import parser, run_mounts
from engine.builder.graph import plan
from engine.builder.variables import Expander, split_pair
from engine.buildkit import failures
from engine.buildkit.failures import Failed
from engine.buildkit.jobs import Job
from proto.buildkit.services import gateway_pb2 as pb

_DESCRIBE, _TARGETS, _OUTLINE = "frontend.subrequests.describe", "frontend.targets", "frontend.outline"
_KNOWN = {
    _DESCRIBE: "List available subrequest types",
    _TARGETS: "List all targets current build supports",
    _OUTLINE: "List all parameters current build target supports",
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
    text = await job.dockerfile(options)
    if asked == _OUTLINE:
        found = outline(text, options)
        return _result(found, _parameters(found))
    found = targets(text)
    return _result(found, _table(found["targets"]))


def targets(text: str) -> dict[str, Any]:
    """The stages; the last one is built unless another is named."""
    file, lines = parser.parse(text), text.split("\n")
    last = len(file.stages) - 1
    rows = []
    for number, stage in enumerate(file.stages):
        about = _comment(lines, stage.origin.line, stage.name)
        row = {"name": stage.name, "description": about, "base": stage.base, "default": number == last}
        rows.append({key: value for key, value in row.items() if value})
    return {"targets": rows}


def outline(text: str, options: Mapping[str, str]) -> dict[str, Any]:
    """What the target's stages, and those it needs, can be told: arguments, secrets, agents, caches."""
    file, lines = parser.parse(text), text.split("\n")
    given = {name.removeprefix("build-arg:"): value for name, value in options.items() if name.startswith("build-arg:")}
    meta = {name: given.get(name, default) or "" for each in file.meta for name, default in map(split_pair, each.args)}
    solved = plan(file, options.get("target", ""), Expander(file.escape, meta).word)
    target = file.stages[solved.target]
    found: dict[str, Any] = {"name": options.get("target") or target.name}
    found["description"] = _comment(lines, target.origin.line, target.name)
    arguments, mounts = dict(meta), []
    notes = {name: _comment(lines, each.line, name) for each in file.meta for name, _ in map(split_pair, each.args)}
    for instruction in chain.from_iterable(file.stages[index].instructions for index in solved.needed):
        if instruction.name == "ARG":
            for name, default in map(split_pair, instruction.args):
                notes[name] = _comment(lines, instruction.line, name) or notes.get(name, "")
                arguments[name] = given.get(name, default if default is not None else arguments.get(name)) or ""
        mounts += [run_mounts.parse(instruction, text, "/") for text in instruction.many.get("mount", ())]
    rows = ({"name": name, "description": notes[name], "value": value} for name, value in arguments.items())
    found["args"] = [{key: value for key, value in row.items() if value} for row in rows]
    for key, kind in (("secrets", "secret"), ("ssh", "ssh")):
        wanted = {each.id: each.required for each in mounts if each.kind == kind}
        found[key] = [{"name": name} | ({"required": True} if needed else {}) for name, needed in wanted.items()]
    found["cache"] = [{"ID": name} for name in dict.fromkeys(each.id for each in mounts if each.kind == "cache")]
    return {key: value for key, value in found.items() if value}


def _comment(lines: list[str], line: int, name: str) -> str:
    """What is said of a name right above it: `# NAME is for …`."""
    above = lines[line - 2].strip() if line > 1 else ""
    word, _, rest = above.removeprefix("#").strip().partition(" ")
    return rest.strip() if above.startswith("#") and name and word.lower() == name.lower() else ""


def _parameters(found: dict[str, Any]) -> str:
    lines = [f"TARGET: {found['name']}"] if "name" in found else []
    lines += [f"BUILD ARG {each['name']}={each.get('value', '')}" for each in found.get("args", ())]
    for key, title in (("secrets", "SECRET"), ("ssh", "SSH")):
        lines += [f"{title} {each['name']}{' (required)' * ('required' in each)}" for each in found.get(key, ())]
    lines += [f"CACHE {each['ID']}" for each in found.get("cache", ())]
    return "\n".join(lines) + "\n"


def _table(rows: list[dict[str, Any]]) -> str:
    shown = [row["name"] + (" (default)" if row.get("default") else "") for row in rows if row.get("name")]
    return "\n".join(["TARGET", *shown]) + "\n"


def _result(document: Any, text: str) -> pb.Result:
    return pb.Result(
        metadata={
            "result.json": json.dumps(document, indent=2).encode(),
            "result.txt": text.encode(),
            "version": _VERSION.encode(),
        }
    )
