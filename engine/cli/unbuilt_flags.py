"""Flags of docker's that wherry has not: refused by name and with the reason, or, where what they ask for is so anyway,
taken.
"""

from collections.abc import Collection

from engine.cli.errors import CommandFailed

_WINDOWS = "it is for containers of Windows"
_CLUSTER = "it is for volumes of a swarm's cluster"
_UNBUILT = {
    "--use-api-socket": "give the engine's socket and the credentials with --volume",
    "--compress": "contexts go to the engine as they are",
    "--ingress": "it is for the network of a swarm",
    "--cluster": _CLUSTER,
    **dict.fromkeys(("--cpu-count", "--cpu-percent", "--io-maxbandwidth", "--io-maxiops"), _WINDOWS),
    **dict.fromkeys(
        (
            *("--availability", "--group", "--limit-bytes", "--required-bytes", "--scope", "--secret", "--sharing"),
            *("--topology-preferred", "--topology-required", "--type"),
        ),
        _CLUSTER,
    ),
}
# What is so anyway → why it cannot be otherwise.
_ALWAYS = {
    "--disable-content-trust": "there is no content trust",
    "--force-rm": "containers of steps that failed do not stay",
}


def taken(word: str, known: Collection[str]) -> bool:
    """Is it a flag that says what is so anyway; raises CommandFailed for one that is not built."""
    name, separator, value = word.partition("=")
    if name in known:
        return False
    if name in _UNBUILT:
        raise CommandFailed(f"{name} is not built into wherry: {_UNBUILT[name]}", 125)
    if name in _ALWAYS:
        if separator and value.lower() not in ("1", "t", "true"):
            raise CommandFailed(f"{word} is not built into wherry: {_ALWAYS[name]}", 125)
        return True
    return False
