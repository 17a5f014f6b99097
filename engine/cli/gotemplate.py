"""Go's text/template, as far as `--format` needs it: parse once, render with any JSON value.

Fields and chains (`.State.Status`), methods (`.Label "name"`), variables, pipelines with docker's functions (json,
join, upper, lower, title, split, len, index, println, printf, eq, ne, and, or, not, truncate, pad, table), `if/else`,
`range`, `with`, comments and trimming dashes. Anything else is refused with its text.
https://pkg.go.dev/text/template and https://docs.docker.com/engine/cli/formatting/
"""

import re
from typing import Any, NamedTuple

from engine.cli.errors import CommandFailed
from engine.cli.gofunctions import FUNCTIONS, is_true, text_of

_TAG = re.compile(r"\{\{(-?)((?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|[^}\"`]|\}(?!\}))*?)(-?)\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:\\.|[^"\\])*"|`[^`]*`)|(?P<number>-?\d+)|(?P<field>(?:\$\w*)?(?:\.\w+)+|\.|\$\w*)"""
    r"""|(?P<word>\w+)|(?P<mark>\||\(|\)|:=|,))"""
)


class Text(NamedTuple):
    """Literal text."""

    text: str


class Action(NamedTuple):
    """A pipeline whose value is printed."""

    pipeline: "Pipeline"


class Block(NamedTuple):
    """`if`, `range` or `with`, and what stands in its branches."""

    keyword: str
    pipeline: "Pipeline"
    body: list[Any]
    otherwise: list[Any]


class Pipeline(NamedTuple):
    """Commands joined by bars, each a list of operands; `variables` take the result (`range $i, $v := …`)."""

    variables: tuple[str, ...]
    commands: list[list[Any]]


class Field(NamedTuple):
    """`.A.B`, or `$x.A` with a variable's name."""

    variable: str | None
    names: tuple[str, ...]


class Call(NamedTuple):
    """A function's name."""

    name: str


class Template:
    """A parsed template; raises CommandFailed for what is not understood."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._nodes = _Parser(source).parse()

    def render(self, value: Any) -> str:
        """The text for one value."""
        pieces: list[str] = []
        self._run(self._nodes, value, {"$": value}, pieces)
        return "".join(pieces)

    def _run(self, nodes: list[Any], dot: Any, variables: dict[str, Any], out: list[str]) -> None:
        for node in nodes:
            if isinstance(node, Text):
                out.append(node.text)
            elif isinstance(node, Action):
                value = self._evaluate(node.pipeline, dot, variables)
                if not node.pipeline.variables:
                    out.append(text_of(value))
            else:
                self._run_block(node, dot, variables, out)

    def _run_block(self, block: Block, dot: Any, variables: dict[str, Any], out: list[str]) -> None:
        value = self._evaluate(block.pipeline, dot, variables)
        if not is_true(value):
            self._run(block.otherwise, dot, dict(variables), out)
        elif block.keyword == "range":
            pairs = sorted(value.items()) if isinstance(value, dict) else enumerate(_items(value))
            for key, item in pairs:
                bound = _bind(block.pipeline.variables, key, item)
                self._run(block.body, item, {**variables, **bound}, out)
        else:
            self._run(block.body, value if block.keyword == "with" else dot, dict(variables), out)

    def _evaluate(self, pipeline: Pipeline, dot: Any, variables: dict[str, Any]) -> Any:
        result: list[Any] = []
        for command in pipeline.commands:
            result = [self._command(command, dot, variables, result)]
        if len(pipeline.variables) == 1:
            variables[pipeline.variables[0]] = result[0]
        return result[0]

    def _command(self, operands: list[Any], dot: Any, variables: dict[str, Any], piped: list[Any]) -> Any:
        head, *rest = operands
        arguments = [self._operand(operand, dot, variables) for operand in rest] + piped
        if isinstance(head, Call):
            try:
                return FUNCTIONS[head.name](*arguments)
            except (TypeError, ValueError, LookupError) as error:
                raise CommandFailed(f"template: {self._source}: error calling {head.name}: {error}") from error
        value = self._operand(head, dot, variables)
        if not arguments:
            return value
        if not callable(value):
            raise CommandFailed(f"template: {self._source}: a value takes no arguments")
        return value(*arguments)

    def _operand(self, operand: Any, dot: Any, variables: dict[str, Any]) -> Any:
        if isinstance(operand, Pipeline):
            return self._evaluate(operand, dot, variables)
        if isinstance(operand, Call):
            return self._command([operand], dot, variables, [])
        if not isinstance(operand, Field):
            return operand
        value = dot if operand.variable is None else variables.get(operand.variable)
        for name in operand.names:
            value = self._member(value, name)
        return value

    def _member(self, value: Any, name: str) -> Any:
        if isinstance(value, dict):
            if name in value:
                return value[name]
            if any(isinstance(key, str) and key[:1].isupper() for key in value):
                raise self._no_field(name, f'map has no entry for key "{name}"')
        elif value is not None:
            raise self._no_field(name, f"it is a {type(value).__name__}")
        return None

    def _no_field(self, name: str, reason: str) -> CommandFailed:
        return CommandFailed(f"template: {self._source}: can't evaluate field {name}: {reason}")


def _items(value: Any) -> list[Any]:
    return list(range(value)) if isinstance(value, int) else list(value)


def _bind(names: tuple[str, ...], key: Any, item: Any) -> dict[str, Any]:
    if len(names) == 2:
        return {names[0]: key, names[1]: item}
    return {names[0]: item} if names else {}


class _Parser:
    """Splits text from tags, then nests the tags."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._pieces = self._split(source)

    def parse(self) -> list[Any]:
        nodes, closing = self._nodes()
        if closing:
            raise self._refuse(f"unexpected {{{{{closing}}}}}")
        return nodes

    def _split(self, source: str) -> list[tuple[bool, str]]:
        pieces: list[tuple[bool, str]] = []
        position, trim = 0, False
        for match in _TAG.finditer(source):
            text = source[position : match.start()]
            text = text.lstrip() if trim else text
            pieces.append((False, text.rstrip() if match[1] else text))
            pieces.append((True, match[2].strip()))
            position, trim = match.end(), bool(match[3])
        tail = source[position:].lstrip() if trim else source[position:]
        if "{{" in tail:
            raise self._refuse("unclosed action")
        pieces.append((False, tail))
        pieces.reverse()
        return pieces

    def _nodes(self) -> tuple[list[Any], str]:
        """Nodes up to `end`, `else` or the end of the text, and which it was."""
        nodes: list[Any] = []
        while self._pieces:
            is_tag, text = self._pieces.pop()
            if not is_tag:
                nodes.append(Text(text))
                continue
            word = text.split(None, 1)[0] if text else ""
            if word in ("end", "else"):
                return nodes, text
            if text.startswith("/*"):
                continue
            nodes.append(self._block(word, text) if word in ("if", "range", "with") else Action(self._pipeline(text)))
        return nodes, ""

    def _block(self, keyword: str, text: str) -> Block:
        pipeline = self._pipeline(text[len(keyword) :])
        body, closing = self._nodes()
        otherwise: list[Any] = []
        if closing.startswith("else"):
            chained = closing[4:].strip()
            if chained:
                otherwise = [self._block(chained.split(None, 1)[0], chained)]
                return Block(keyword, pipeline, body, otherwise)
            otherwise, closing = self._nodes()
        if closing != "end":
            raise self._refuse("unexpected EOF")
        return Block(keyword, pipeline, body, otherwise)

    def _pipeline(self, text: str) -> Pipeline:
        tokens = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None:
                raise self._refuse(f"unexpected {text[position:].strip()!r}")
            tokens.append((match.lastgroup or "", match.group(match.lastgroup or 0)))
            position = match.end()
        tokens.reverse()
        return self._pipeline_of(tokens, nested=False)

    def _pipeline_of(self, tokens: list[tuple[str, str]], *, nested: bool) -> Pipeline:
        variables = self._variables(tokens)
        commands: list[list[Any]] = [[]]
        while tokens:
            kind, text = tokens.pop()
            if text == ")" and kind == "mark":
                if not nested:
                    raise self._refuse("unexpected )")
                nested = False
                break
            if text == "|" and kind == "mark":
                commands.append([])
            elif text == "(" and kind == "mark":
                commands[-1].append(self._pipeline_of(tokens, nested=True))
            else:
                commands[-1].append(self._atom(kind, text))
        if nested or not all(commands):
            raise self._refuse("missing value for command")
        return Pipeline(variables, commands)

    def _variables(self, tokens: list[tuple[str, str]]) -> tuple[str, ...]:
        marks = [index for index, (_, text) in enumerate(tokens) if text == ":="]
        if not marks:
            return ()
        names = tuple(text for _, text in reversed(tokens[marks[0] + 1 :]) if text.startswith("$"))
        del tokens[marks[0] :]
        return names

    def _atom(self, kind: str, text: str) -> Any:
        if kind == "string":
            return text[1:-1] if text[0] == "`" else text[1:-1].encode().decode("unicode_escape")
        if kind == "number":
            return int(text)
        if kind == "field":
            variable, *names = text.split(".")
            return Field(variable or None, tuple(name for name in names if name))
        if text in ("true", "false", "nil"):
            return {"true": True, "false": False, "nil": None}[text]
        if text in FUNCTIONS:
            return Call(text)
        raise self._refuse(f'function "{text}" not defined')

    def _refuse(self, reason: str) -> CommandFailed:
        return CommandFailed(f"template parsing error: template: {self._source}: {reason}")
