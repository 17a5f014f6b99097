"""Go templates, as people write them for docker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.errors import CommandFailed
from engine.cli.gotemplate import Template

DATA = {
    "Name": "/web",
    "State": {"Status": "running", "Pid": 7, "Running": True},
    "Config": {"Env": ["A=1", "B=2"], "Labels": {"z": "1", "a.b": "2"}},
    "Mounts": [{"Source": "/s", "Destination": "/d"}],
    "Empty": [],
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.State.Status}}", "running"),
        ("{{ .State.Pid }}!", "7!"),
        ("{{json .Config.Env}}", '["A=1","B=2"]'),
        ("{{range .Config.Env}}{{.}};{{end}}", "A=1;B=2;"),
        ("{{range $i, $e := .Config.Env}}{{$i}}:{{$e}} {{end}}", "0:A=1 1:B=2 "),
        ("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}},{{end}}", "a.b=2,z=1,"),
        ('{{index .Config.Labels "a.b"}}', "2"),
        ("{{if .State.Running}}up{{else}}down{{end}}", "up"),
        ("{{if .Empty}}x{{else if .Name}}y{{end}}", "y"),
        ("{{with .State}}{{.Status}}{{end}}", "running"),
        ("{{range .Mounts}}{{.Source}}->{{.Destination}}{{end}}", "/s->/d"),
        ('{{join .Config.Env ","}}', "A=1,B=2"),
        ('{{.Name | printf "%s!"}}', "/web!"),
        ('{{if eq .State.Status "running"}}1{{end}}', "1"),
        ("{{range .Empty}}x{{else}}none{{end}}", "none"),
        ("a {{- .Name -}} b", "a/webb"),
        ("{{/* nothing */}}x", "x"),
        ("{{$x := .Name}}{{$x}}", "/web"),
        ("{{len .Config.Env}}", "2"),
        ("{{upper .State.Status}}", "RUNNING"),
        ("{{not .Empty}}", "true"),
        ("plain", "plain"),
    ],
)
def test_templates_render_as_in_go(template: str, text: str) -> None:
    """The forms seen in scripts."""
    assert Template(template).render(DATA) == text


@pytest.mark.parametrize(
    "template",
    ["{{", "{{.A", "{{nope .A}}", "{{end}}", "{{if .A}}x", "{{.A | }}", "{{(.A}}", "{{.A)}}", "{{?}}", "{{range .A}}"],
)
def test_what_is_no_template_is_refused(template: str) -> None:
    """With its text, and no traceback."""
    with pytest.raises(CommandFailed, match="template parsing error"):
        Template(template)


def test_a_field_that_is_not_there_is_named() -> None:
    """A typing mistake must not print an empty line."""
    with pytest.raises(CommandFailed, match="can't evaluate field Statuz"):
        Template("{{.State.Statuz}}").render(DATA)
    with pytest.raises(CommandFailed, match="can't evaluate field X"):
        Template("{{.Name.X}}").render(DATA)


def test_a_function_called_wrongly_is_an_error_not_a_traceback() -> None:
    """Its name is in it."""
    with pytest.raises(CommandFailed, match="error calling len"):
        Template("{{len 3}}").render(DATA)


@given(st.text(alphabet="{}.|() abAB\"'$-:=,0", max_size=30))
def test_no_text_makes_the_parser_fail_otherwise(source: str) -> None:
    """It parses, or it is refused."""
    try:
        Template(source).render({"a": 1, "A": {"B": [1]}})
    except CommandFailed:
        return
