"""Completion in bash, zsh and fish, as far as these shells are installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import Run
from eurotok.cli import COMMANDS

SHELLS = ("bash", "zsh", "fish")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_is_completed(run: Run, shell: str) -> None:
    script = run("completion", shell).stdout.decode()
    assert all(command in script for command in COMMANDS)
    assert "vocab-size" in script
    assert "euro-64k" in script


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_takes_it(run: Run, shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_bytes(run("completion", shell).stdout)
    done = subprocess.run([shell, "-n", tmp_path / "script"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["tra"], ["train"]),
        (["train", "--vocab"], ["--vocab-size"]),
        (["encode", "--dtype", "uint1"], ["uint16"]),
        (["encode", "euro-6"], ["euro-64k"]),
        (["count-pieces", "--language", "f"], ["fi", "fr"]),
        (["decode", "euro-64k", "boo"], ["book.npy"]),
        (["completion", "f"], ["fish"]),
        (["help", "comp"], ["compare", "completion"]),
    ],
    ids=lambda it: " ".join(it),
)
def test_bash_completes(run: Run, words: list[str], found: list[str], tmp_path: Path) -> None:
    (tmp_path / "book.npy").touch()
    (tmp_path / "script").write_bytes(run("completion", "bash").stdout)
    typed = " ".join(f"'{word}'" for word in ["eurotok", *words])
    code = f'source ./script; COMP_WORDS=({typed}); COMP_CWORD={len(words)}; _eurotok; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == found


def test_fish_completes(run: Run, tmp_path: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    (tmp_path / "script").write_bytes(run("completion", "fish").stdout)
    code = "source script; complete -C 'eurotok tra'; complete -C 'eurotok encode --dtype uint1'"
    done = subprocess.run(["fish", "--no-config", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["train", "uint16"]
