"""After the freeze nothing is imported."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]


def after_freezing(statement: str) -> str:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "import os\nfrom lowrt.init.freeze import ImportForbidden, freeze_imports\n"
        "freeze_imports()\n"
        f"try:\n    {statement}\n"
        "except (ImportForbidden, LookupError) as error:\n    print(error)\n"
        "else:\n    print('went through')\n"
        "sys.stdout.flush(); os._exit(0)"
    )
    done = subprocess.run([sys.executable, "-IS", "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_new_module_is_refused_by_name() -> None:
    assert after_freezing("import json") == "import of 'json' after the container was entered"


def test_a_codec_is_an_import_too() -> None:
    assert after_freezing("'x'.encode('idna')") == "unknown encoding: idna"


def test_what_is_loaded_stays_usable() -> None:
    assert after_freezing("import os.path; 'x'.encode('utf-8')") == "went through"


def test_no_finder_of_before_is_asked() -> None:
    assert after_freezing("print(sys.path, sys.path_hooks, sys.path_importer_cache)") == "[] [] {}\nwent through"
