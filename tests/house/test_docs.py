"""What the pages say is there is there: flags, files, links, programs; and what is there has its page."""

import importlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from engine import config as engine_config
from engine.cli.main import wherry
from lowrt import cli as lowrt_cli
from shim import args as shim_args
from supervisor import cli as supervisor_cli

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
TOP = sorted(ROOT.glob("*.md"))
PAGES = sorted(DOCS.glob("*.md"))

_SPAN = re.compile(r"`([^`\n]+)`")
_FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
_FLAG = re.compile(r"(?<![\w=/.-])(--?[a-zA-Z][\w-]*)")
_LONG = re.compile(r"(?<![\w=/.-])(--[a-zA-Z][\w-]*)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
# What stands between two programs on one line: behind it the flags are somebody else's.
_NEXT_PROGRAM = re.compile(r"\s(?:--|\||&&|;)\s")


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command of a group by its words, as `help` lists them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def options_of(command: click.Command) -> set[str]:
    """A command's flags, every spelling."""
    found = {name for param in command.params if isinstance(param, click.Option) for name in param.opts}
    return found | {n for param in command.params if isinstance(param, click.Option) for n in param.secondary_opts}


def wherry_flags() -> set[str]:
    """Of the program and all its commands."""
    return {"-h", "--help", *options_of(wherry)}.union(*(options_of(command) for _, command in commands(wherry)))


def wherryd_flags() -> set[str]:
    """Those of the table, and the two that `main` looks for."""
    found = {"--help", "-h", "--version", "-v"}
    for setting in engine_config.SETTINGS:
        found |= {f"--{setting.flag}"} | ({f"-{setting.short}"} if setting.short else set())
    return found


def supervisor_flags() -> set[str]:
    """Global ones and those of `publish`."""
    names = {*supervisor_cli._GLOBAL, *supervisor_cli._SWITCHES, *supervisor_cli._PUBLISH}
    return {f"-{name}" if len(name) == 1 else f"--{name}" for name in names}


def shim_flags() -> set[str]:
    """With the one dash that containerd writes."""
    return {f"-{name}" for name in (*shim_args._STRINGS, *shim_args._BOOLEANS)}


def lowrt_verbs() -> dict[str, set[str]]:
    """Each verb's flags."""
    return {
        verb: {
            spelled
            for option in importlib.import_module(f"lowrt.commands.{verb}").GRAMMAR.options
            for spelled in ({f"--{option.name}"} | ({f"-{option.short}"} if option.short else set()))
        }
        for verb in lowrt_cli.VERBS
    }


def lowrt_flags() -> set[str]:
    """Global ones and every verb's."""
    found = {f"--{option.name}" for option in lowrt_cli.GLOBAL.options}
    found |= {f"-{option.short}" for option in lowrt_cli.GLOBAL.options if option.short}
    return found.union(*lowrt_verbs().values())


PROGRAMS = {
    "wherry": wherry_flags,
    "wherryd": wherryd_flags,
    "wherry-supervisor": supervisor_flags,
    "containerd-shim-wherry-v2": shim_flags,
    "lowrt": lowrt_flags,
}


def spans(text: str) -> Iterator[str]:
    """The words set as code within sentences and tables."""
    for found in _SPAN.finditer(_FENCE.sub("", text)):
        yield found[1].replace("\\|", "|")


def invocations(text: str) -> Iterator[tuple[str, str]]:
    """(program, the rest of the line) of each line of code, in blocks and in sentences, that runs one of ours."""
    blocks = [line for block in _FENCE.findall(text) for line in block.splitlines()[1:-1]]
    for line in [*blocks, *spans(text)]:
        words = re.sub(r"^\s*(?:[$#]\s+)?(?:sudo\s+)?", "", line)
        program, _, rest = words.partition(" ")
        if Path(program).name in PROGRAMS:
            yield Path(program).name, _NEXT_PROGRAM.split(f" {rest}")[0]


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_flag_is_in_the_programs_page(program: str) -> None:
    """A new flag comes with its line."""
    mentioned = {flag for span in spans((DOCS / f"{program}.md").read_text()) for flag in _FLAG.findall(span)}
    assert not sorted(PROGRAMS[program]() - mentioned)


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_page_of_a_program_mentions_a_flag_that_it_has_not(program: str) -> None:
    """Flags of others are written with the program's name before them: `dockerd --ipv6`."""
    own = [span for span in spans((DOCS / f"{program}.md").read_text()) if span.startswith("-")]
    assert not sorted({flag for span in own for flag in _FLAG.findall(span)} - PROGRAMS[program]())


def test_each_command_of_wherry_has_a_section_with_its_flags() -> None:
    """Under its own heading, or named there as another way to write it."""
    text = (DOCS / "wherry.md").read_text()
    sections = dict(re.findall(r"^### (.+?)\n(.*?)(?=^### |\Z)", text, re.M | re.S))
    container = options_of(dict(commands(wherry))["create"])
    for name, command in commands(wherry):
        section = sections.get(name) or next((body for body in sections.values() if f"`wherry {name}`" in body), None)
        assert section is not None, f"docs/wherry.md has no word on `wherry {name}`"
        mentioned = {flag for span in spans(section) for flag in _FLAG.findall(span)}
        absent = options_of(command) - mentioned - (container if name.endswith("create") else set())
        assert not absent, f"docs/wherry.md, {name}: {sorted(absent)}"


def test_each_verb_of_lowrt_has_a_section_with_its_flags() -> None:
    """`run` is told as what it has beyond `create`."""
    text = (DOCS / "lowrt.md").read_text()
    sections = dict(re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", text, re.M | re.S))
    verbs = lowrt_verbs()
    for verb, flags in verbs.items():
        assert verb in sections, f"docs/lowrt.md has no section {verb}"
        mentioned = {flag for span in spans(sections[verb]) for flag in _FLAG.findall(span)}
        absent = flags - mentioned - (verbs["create"] if verb == "run" else set())
        assert not absent, f"docs/lowrt.md, {verb}: {sorted(absent)}"


def test_every_key_of_the_configuration_files_is_in_its_page() -> None:
    """daemon.json's and config.toml's, refused ones included."""
    from supervisor import config_keys as keys

    engine_page, supervisor_page = ((DOCS / name).read_text() for name in ("wherryd.md", "wherry-supervisor.md"))
    absent = {name for name in engine_config.UNBUILT if f"`{name}`" not in engine_page}
    absent |= {setting.key for setting in engine_config.SETTINGS if setting.key not in engine_page}
    dotted = [*keys.KEYS, *keys.TIMEOUTS, *(key for table in keys.PLUGIN_KEYS.values() for key in table)]
    absent |= {key for key in dotted if key.rpartition(".")[2] not in supervisor_page}
    assert not sorted(absent)


@pytest.mark.parametrize("page", [*TOP, *PAGES], ids=lambda path: path.name)
def test_commands_of_ours_in_any_page_use_flags_that_are_there(page: Path) -> None:
    """Long ones: what follows an image's name on a line may look like a short one."""
    wrong = []
    for program, rest in invocations(page.read_text()):
        pattern = _FLAG if program == "containerd-shim-wherry-v2" else _LONG
        wrong += [f"{program} {flag}" for flag in pattern.findall(rest) if flag not in PROGRAMS[program]()]
    assert not wrong


@pytest.mark.parametrize("page", [*TOP, *PAGES], ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file of the repository, and to a heading of it."""
    broken = []
    for target in _LINK.findall(_FENCE.sub("", page.read_text())):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert not broken


def anchors(page: Path) -> set[str]:
    """The names that forges give to headings."""
    headings = re.findall(r"^#+ +(.+)$", _FENCE.sub("", page.read_text()), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*TOP, *PAGES], ids=lambda path: path.name)
def test_files_that_pages_name_are_there(page: Path) -> None:
    """Paths that begin with a folder of ours, and tests behind `::`; NAME, VERB and the like stand for any."""
    folders = "engine|supervisor|shim|lowrt|proto|tests|deploy|docs"
    pattern = re.compile(rf"((?:{folders})/[\w./-]*[\w/])(?:::(\w+))?")
    placeholder = re.compile(r"(?:^|[/_])[A-Z]{3,}(?=[./_]|$)")
    absent = []
    for found in filter(None, map(pattern.fullmatch, spans(page.read_text()))):
        file, test = ROOT / found[1], found[2]
        if placeholder.search(found[1]):
            continue
        if not file.exists() or (test and f"def {test}(" not in file.read_text()):
            absent.append(found[0])
    assert not absent


def test_every_page_is_in_the_index() -> None:
    """docs/README.md."""
    linked = set(_LINK.findall((DOCS / "README.md").read_text()))
    assert not sorted({page.name for page in PAGES} - {"README.md"} - linked)


def test_the_swap_page_runs_programs_that_exist() -> None:
    """Ours are those that pyproject.toml installs; the others are listed here."""
    ours = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"])
    assert ours == set(PROGRAMS)
    others = {"docker", "dockerd", "containerd", "ctr", "runc", "crun", "export", "nft", "ip", "ln", "umount"}
    used = set()
    for block in _FENCE.findall((DOCS / "swap.md").read_text()):
        used |= {line.split()[1] for line in block.splitlines() if re.match(r"[$#] \w", line)}
    assert ours - {"containerd-shim-wherry-v2"} <= used
    assert not sorted(used - ours - others)
