"""How the command begins: quickly, and without what it does not need."""

import subprocess
import sys

import pytest

from eurotok.cli import COMMANDS

HEAVY = ("numpy", "pyarrow", "matplotlib", "tokenizers", "tiktoken", "eurotok._core", "difflib")


def imported(*arguments: str) -> set[str]:
    """The heavy modules that a command line imports."""
    code = (
        "import sys\nfrom eurotok.cli import main\n"
        f"code = main({list(arguments)!r})\n"
        f"print(code, *(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    code_and_names = done.stderr.splitlines()[-1].split()
    assert code_and_names[0] == "0", done.stderr
    return set(code_and_names[1:])


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_imports_nothing_heavy(command: str) -> None:
    assert imported(*filter(None, [command]), "--help") == set()


def test_work_imports_the_core() -> None:
    assert {"numpy", "eurotok._core"} <= imported("tokens", "euro-64k", "a"), "the test above can fail"


def test_the_package_is_imported_without_its_modules() -> None:
    code = "import sys, eurotok\nassert 'numpy' not in sys.modules\nassert eurotok.Tokenizer and 'numpy' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
