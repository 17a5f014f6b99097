"""Install wherry into a prefix, or take it out again: `python3 deploy/install.py [--prefix /usr/local] [--uninstall]`.

    PREFIX/lib/wherry/            a virtual environment of its own: no package of the system's or a user's is touched
    PREFIX/bin/wherry …           the five programs; the two that start once per container do without `site`
    PREFIX/share/…                wherry's completion for bash, zsh and fish, where each of them looks
    /etc/systemd/system/wherry*   where systemd runs: units, with the engine activated by its socket

Images and containers live under /var/lib/wherry and are left alone by --uninstall. Standard library only: nothing is
installed yet when this runs.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
UNITS = ("wherry-supervisor.service", "wherryd.service", "wherryd.socket")
UNIT_FOLDER = Path("/etc/systemd/system")
PROGRAMS = ("wherry", "wherryd", "wherry-supervisor")
HOT_PROGRAMS = {"containerd-shim-wherry-v2": "shim", "lowrt": "lowrt"}
# file of deploy/completions → its place under PREFIX/share
COMPLETIONS = {
    "wherry.bash": "bash-completion/completions/wherry",
    "_wherry": "zsh/site-functions/_wherry",
    "wherry.fish": "fish/vendor_completions.d/wherry.fish",
}


def hot_launcher(interpreter: Path, packages: Path, layer: str) -> str:
    """A launcher without `site`: the program's own folder of packages is all it looks at.

    lowrt's is the checkout's own, which seals the interpreter before its only start, with the two paths written in.
    """
    if layer == "lowrt":
        text = (SOURCE / "deploy" / "bin" / "lowrt").read_text()
        paths = {"here": "", "root": str(packages), "python": str(interpreter)}
        for name, value in paths.items():
            line = f"{name}={value}" if value else ""
            text, found = re.subn(rf"^{name}=.*$", line, text, count=1, flags=re.MULTILINE)
            if not found:
                raise RuntimeError(f"deploy/bin/lowrt sets no {name} any more: teach the installer its new form")
        return text
    return (
        f"#!{interpreter} -IS\n"
        f"import sys\n"
        f"sys.path[:0] = [{str(packages)!r}]\n"
        f"from {layer}.__main__ import main\n"
        f"main()\n"
    )


def install(prefix: Path) -> None:
    """Make the environment, put the launchers beside the prefix's programs, and the units where systemd looks."""
    home = prefix / "lib" / "wherry"
    venv.create(home, with_pip=True, clear=home.exists(), symlinks=True)
    interpreter = home / "bin" / "python3"
    had_build = (SOURCE / "build").exists()
    subprocess.run([interpreter, "-m", "pip", "install", "-q", "--disable-pip-version-check", SOURCE], check=True)
    if not had_build:
        shutil.rmtree(SOURCE / "build", ignore_errors=True)  # setuptools' scratch, which a later build would take up
    packages = next((home / "lib").glob("python3*/site-packages"))
    subprocess.run([interpreter, "-m", "compileall", "-q", packages], check=False)
    programs = prefix / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    for name in PROGRAMS:
        _replace_link(programs / name, home / "bin" / name)
    for name, layer in HOT_PROGRAMS.items():
        text = hot_launcher(interpreter, packages, layer)
        # Both places: people call the one in PATH, our own programs the one beside their interpreter.
        for path in (programs / name, home / "bin" / name):
            _replace_file(path, text)
    install_completions(prefix)
    if systemd_runs():
        _install_units(prefix)
    print(f"installed: {', '.join([*PROGRAMS, *HOT_PROGRAMS])} in {programs}")


def uninstall(prefix: Path) -> None:
    """Remove what install made; what is not there is not missed."""
    if systemd_runs():
        subprocess.run(["systemctl", "disable", "--now", *UNITS], check=False, capture_output=True)
    for name in UNITS:
        (UNIT_FOLDER / name).unlink(missing_ok=True)
    for name in (*PROGRAMS, *HOT_PROGRAMS):
        (prefix / "bin" / name).unlink(missing_ok=True)
    remove_completions(prefix)
    shutil.rmtree(prefix / "lib" / "wherry", ignore_errors=True)
    print("removed the programs; images and containers are still under /var/lib/wherry")


def install_completions(prefix: Path) -> None:
    """Copy the scripts; the house tests see to it that they are what `wherry completion` prints."""
    for name, place in COMPLETIONS.items():
        target = prefix / "share" / place
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace_file(target, (SOURCE / "deploy" / "completions" / name).read_text(), mode=0o644)


def remove_completions(prefix: Path) -> None:
    """The scripts, not their folders: other programs' lie there too."""
    for place in COMPLETIONS.values():
        (prefix / "share" / place).unlink(missing_ok=True)


def systemd_runs() -> bool:
    """sd_booted(3)."""
    return Path("/run/systemd/system").is_dir()


def _install_units(prefix: Path) -> None:
    for name in UNITS:
        text = (SOURCE / "deploy" / "systemd" / name).read_text().replace("/usr/local/bin", str(prefix / "bin"))
        _replace_file(UNIT_FOLDER / name, text, mode=0o644)
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    subprocess.run(["systemctl", "enable", "--now", "wherryd.socket"], check=True)


def _replace_file(path: Path, text: str, mode: int = 0o755) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text)
    temporary.chmod(mode)
    temporary.replace(path)


def _replace_link(path: Path, target: Path) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(path)


def main() -> None:
    """Parse and act; root is needed for the usual prefixes and for systemd."""
    parser = argparse.ArgumentParser(description="Install wherry, or take it out again.")
    parser.add_argument("--prefix", type=Path, default=Path("/usr/local"))
    parser.add_argument("--uninstall", action="store_true")
    options = parser.parse_args()
    prefix = options.prefix.resolve()
    if not os.access(prefix if prefix.exists() else prefix.parent, os.W_OK):
        sys.exit(f"cannot write to {prefix}: run with sudo, or choose another --prefix")
    if options.uninstall:
        uninstall(prefix)
    else:
        install(prefix)


if __name__ == "__main__":
    main()
