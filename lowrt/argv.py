"""Options as Go's flag package reads them, for runc's command lines: no I/O, words in, values out.

`-name` and `--name` are the same, a value follows after `=` or as the next word, `--` ends the options. Options may
stand between the arguments, except for the verbs (`exec`, `ps`, `kill`) whose arguments may look like options.
"""

from lowrt.errors import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

Value = bool | int | str | list[str]

_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")


class Option:
    """One option: `kind` is bool, text, number or texts (may be repeated)."""

    __slots__ = ("default", "help", "kind", "name", "short")

    def __init__(self, name: str, kind: str, text: str, *, short: str = "", default: Value | None = None) -> None:
        self.name = name
        self.kind = kind
        self.help = text
        self.short = short
        empty: dict[str, Value] = {"bool": False, "number": 0, "text": "", "texts": []}
        self.default = empty[kind] if default is None else default


class Grammar:
    """What one verb takes."""

    __slots__ = ("arguments", "failure", "interspersed", "maximum", "minimum", "options", "status", "summary")

    def __init__(
        self,
        summary: str,
        options: "Sequence[Option]" = (),
        *,
        arguments: str = "<container-id>",
        count: tuple[int, int | None] = (1, 1),
        interspersed: bool = True,
        failure: str = "",
        status: int = 1,
    ) -> None:
        self.summary = summary
        self.options = options
        self.arguments = arguments
        self.minimum, self.maximum = count
        self.interspersed = interspersed
        self.failure = failure
        self.status = status


class Values:
    """The options' values, by name."""

    __slots__ = ("_given", "_values")

    def __init__(self, grammar: Grammar) -> None:
        self._values: dict[str, Value] = {}
        self._given: set[str] = set()
        for option in grammar.options:
            default = option.default
            self._values[option.name] = list(default) if isinstance(default, list) else default

    def put(self, option: Option, value: Value) -> None:
        self._given.add(option.name)
        former = self._values[option.name]
        if isinstance(former, list):
            former.append(str(value))
        else:
            self._values[option.name] = value

    def given(self, name: str) -> bool:
        return name in self._given

    def flag(self, name: str) -> bool:
        return bool(self._values[name])

    def text(self, name: str) -> str:
        return str(self._values[name])

    def number(self, name: str) -> int:
        return int(str(self._values[name]))

    def texts(self, name: str) -> list[str]:
        value = self._values[name]
        return list(value) if isinstance(value, list) else [str(value)]


def parse(grammar: Grammar, words: "Sequence[str]") -> tuple[Values, list[str]]:
    """Split the words into options and arguments."""
    by_name = {name: option for option in grammar.options for name in (option.name, option.short) if name}
    values = Values(grammar)
    arguments: list[str] = []
    remaining = list(words)
    while remaining:
        word = remaining.pop(0)
        if word == "--":
            return values, arguments + remaining
        if len(word) < 2 or word[0] != "-":
            arguments.append(word)
            if not grammar.interspersed:
                return values, arguments + remaining
            continue
        name, separator, inline = word[2 if word[1] == "-" else 1 :].partition("=")
        option = by_name.get(name)
        if option is None:
            raise _incorrect(f"flag provided but not defined: -{name}")
        values.put(option, _value(option, name, inline if separator else None, remaining))
    return values, arguments


def _value(option: Option, name: str, inline: str | None, remaining: list[str]) -> Value:
    if option.kind == "bool":
        return _boolean(name, inline)
    if inline is None:
        if not remaining:
            raise _incorrect(f"flag needs an argument: -{name}")
        inline = remaining.pop(0)
    if option.kind == "number":
        return _number(name, inline)
    return inline


def _boolean(name: str, text: str | None) -> bool:
    if text is None or text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise _incorrect(f'invalid boolean value "{text}" for -{name}: parse error')


def _number(name: str, text: str) -> int:
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit()):
        raise _incorrect(f'invalid value "{text}" for flag -{name}: parse error')
    return int(text)


def _incorrect(message: str) -> Usage:
    return Usage(message, f"Incorrect Usage: {message}")


def check_count(grammar: Grammar, program: str, verb: str, arguments: "Sequence[str]") -> None:
    """Refuse too few or too many arguments, in runc's words."""
    count, least, most = len(arguments), grammar.minimum, grammar.maximum
    if least == most:
        if count != least:
            raise Usage(f'{program}: "{verb}" requires exactly {least} argument(s)')
    elif count < least:
        raise Usage(f'{program}: "{verb}" requires a minimum of {least} argument(s)')
    elif most is not None and count > most:
        raise Usage(f'{program}: "{verb}" requires a maximum of {most} argument(s)')


def usage(program: str, verb: str, grammar: Grammar) -> str:
    """The help text of one verb."""
    options = [option for option in grammar.options if option.help]
    lines = ["", "NAME:", f"   {program} {verb} - {grammar.summary}", "", "USAGE:"]
    lines += [f"   {program} {verb} {'[command options] ' if options else ''}{grammar.arguments}", ""]
    if options:
        labels = [_label(option) for option in options]
        width = max(map(len, labels))
        lines += ["OPTIONS:"]
        lines += [f"   {label:<{width}}  {option.help}" for label, option in zip(labels, options, strict=True)] + [""]
    return "\n".join(lines)


def _label(option: Option) -> str:
    suffix = "" if option.kind == "bool" else " value"
    label = f"--{option.name}{suffix}"
    return f"{label}, -{option.short}{suffix}" if option.short else label
