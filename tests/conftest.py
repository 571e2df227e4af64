"""Fixtures that the tests share: a trained tokenizer, the real corpus where there is one, the command line."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import settings

import eurotok
from browser import BROWSER, Browser
from eurotok.pricing.parallel_text import SAMPLE, load_parallel

_DEFAULT = Path(__file__).parents[2] / "shared" / "corpus"
CORPUS = Path(os.environ.get("EUROTOK_CORPUS") or _DEFAULT)

settings.register_profile("eurotok", deadline=None, max_examples=int(os.environ.get("EUROTOK_EXAMPLES", "100")))
settings.load_profile("eurotok")

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


def pytest_report_header() -> list[str]:
    corpus = "none (EUROTOK_CORPUS is not set); the tests over real text run on the sample or are skipped"
    return [
        f"corpus: {CORPUS if CORPUS.is_dir() else corpus}",
        f"browser: {BROWSER or 'none: the report and the playground are not opened (apt-get install chromium)'}",
    ]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real browser, if one is installed."""
    if BROWSER is None:
        pytest.skip("no browser: the report and the playground are not opened (apt-get install chromium)")
    with tempfile.TemporaryDirectory(prefix="eurotok-browser-", ignore_cleanup_errors=True) as profile:
        opened = Browser(Path(profile))
        yield opened
        opened.close()


@pytest.fixture(scope="session", autouse=True)
def interrupts() -> None:
    """Ctrl-C reaches what tests start, even if they ignore it, as what a script starts in the background does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder with `train/` and `parallel/ntrex/`."""
    if not CORPUS.is_dir():
        pytest.skip("no corpus: set EUROTOK_CORPUS")
    return CORPUS


@pytest.fixture(scope="session")
def sample() -> Path:
    """The embedded parallel text."""
    return SAMPLE


@pytest.fixture(scope="session")
def sentences() -> dict[str, Sequence[str]]:
    """The sentences of the embedded parallel text."""
    return dict(load_parallel().sentences)


@pytest.fixture(scope="session")
def tok(sample: Path) -> eurotok.Tokenizer:
    """A small tokenizer with special tokens."""
    return eurotok.train(sample, vocab_size=2000, special_tokens=["<|end|>", "<|pad|>"])


@pytest.fixture(scope="session")
def tok_json(tok: eurotok.Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in a file."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tok.save(path)
    return path


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the command line in an empty folder."""

    def run(*args: object, input: bytes = b"", stdout: int = subprocess.PIPE) -> "subprocess.CompletedProcess[bytes]":  # noqa: A002
        return subprocess.run(
            [sys.executable, "-m", "eurotok", *map(str, args)],
            input=input,
            stdout=stdout,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            timeout=120,
            check=False,
        )

    return run


def refusal(result: "subprocess.CompletedProcess[bytes]", code: int = 1) -> str:
    """The one line with which a command refuses."""
    message = result.stderr.decode()
    assert result.returncode == code, message
    lines = message.splitlines()
    assert len(lines) == 1, message
    assert lines[0].startswith("eurotok: error: "), message
    return lines[0].removeprefix("eurotok: error: ")
