"""Instructions that change configuration: what they set, and how history tells of them."""

import pytest

from engine.builder import metadata, parser
from engine.builder.variables import Expander
from proto.errdefs import InvalidArgument

_KNOWN = {"V": "val", "P": "1 2"}


def _apply(line: str, config: dict[str, object] | None = None) -> tuple[dict[str, object], str]:
    instruction = parser.parse(f"FROM a\n{line}\n").stages[0].instructions[0]
    return metadata.apply(config or {}, instruction, Expander("\\", _KNOWN))


@pytest.mark.parametrize(
    ("line", "config", "comment"),
    [
        ("ENV A=$V B='c d'", {"Env": ["A=val", "B=c d"]}, " ENV A=val B=c d"),
        ("ENV A b c", {"Env": ["A=b c"]}, " ENV A=b c"),
        ("LABEL a=$V", {"Labels": {"a": "val"}}, " LABEL a=val"),
        ("EXPOSE $P 3/udp", {"ExposedPorts": {"1/tcp": {}, "2/tcp": {}, "3/udp": {}}}, " EXPOSE 1 2 3/udp"),
        ("VOLUME /a /b", {"Volumes": {"/a": {}, "/b": {}}}, " VOLUME [/a /b]"),
        ("WORKDIR x/../y", {"WorkingDir": "/y"}, "WORKDIR /y"),
        ("USER $V", {"User": "val"}, " USER val"),
        ("STOPSIGNAL TERM", {"StopSignal": "TERM"}, " STOPSIGNAL TERM"),
        ("CMD a b", {"Cmd": ["/bin/sh", "-c", "a b"]}, ' CMD ["/bin/sh" "-c" "a b"]'),
        ('ENTRYPOINT ["a"]', {"Entrypoint": ["a"]}, ' ENTRYPOINT ["a"]'),
        ('SHELL ["a", "b"]', {"Shell": ["a", "b"]}, " SHELL [a b]"),
        ("ONBUILD RUN $V", {"OnBuild": ["RUN $V"]}, " ONBUILD RUN $V"),
        ("CMD []", {}, " CMD []"),
    ],
)
def test_an_instruction_sets_its_part(line: str, config: dict[str, object], comment: str) -> None:
    assert _apply(line) == (config, comment)


def test_a_health_check_has_gos_numbers() -> None:
    config, comment = _apply("HEALTHCHECK --interval=1m30s --timeout=1.5s --retries=3 CMD x y")
    assert config["Healthcheck"] == {
        "Test": ["CMD-SHELL", "x y"], "Interval": 90 * 10**9, "Timeout": 1500000000, "Retries": 3,
    }  # fmt: skip
    assert comment == ' HEALTHCHECK &{["CMD-SHELL" "x y"] "1m30s" "1.5s" "0s" \'\\x03\'}'


def test_the_config_given_is_not_touched() -> None:
    before: dict[str, object] = {"Env": ["A=1"]}
    _apply("ENV A=2", before)
    assert before == {"Env": ["A=1"]}


@pytest.mark.parametrize(
    "line",
    ["EXPOSE 70000", "EXPOSE x", "EXPOSE 5-2", "EXPOSE 1/icmp", "STOPSIGNAL NO", "HEALTHCHECK --interval=5 CMD x"],
)
def test_what_makes_no_sense_is_refused(line: str) -> None:
    with pytest.raises(InvalidArgument):
        _apply(line)


def test_host_ports_are_not_the_builders_business() -> None:
    assert metadata.parse_ports("127.0.0.1:80:8080-8081/UDP") == ["8080/udp", "8081/udp"]
