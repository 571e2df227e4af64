"""Errors of the command line name the option as it was typed."""

import pytest

from conftest import Run, refusal
from eurotok.pricing.parallel_text import SAMPLE

TRAIN = ["train", "--corpus", SAMPLE, "--vocab-size", "300", "-o", "t.json"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--share", "en=4", "--share", "frr=2"], "--share frr=2: "),
        (["--share=frr=2", "--share", "en=4"], "--share=frr=2: "),
        (["--sha", "fr=-1"], "--sha fr=-1: "),
        (["--special-token", "<a>", "--special-token", "<a>"], "--special-token <a>: "),
        (["--parallel", SAMPLE, "--target", "en=0.9", "--target", "frr=1"], "--target frr=1: "),
        (["--parallel", SAMPLE, "--fairness", "-2"], "--fairness -2: "),
        (["--fairness", "3"], "--fairness 3: "),
        (["--parallel", SAMPLE, "--wish", "frr<=3%"], "--wish frr<=3%: "),
        (["--vocab-size", "7"], "--vocab-size 7: "),
    ],
    ids=lambda it: " ".join(map(str, it)).replace(str(SAMPLE), "sample") if isinstance(it, list) else "",
)
def test_it_is_what_was_typed(run: Run, options: list[object], named: str) -> None:
    message = refusal(run(*TRAIN, *options))
    assert message.startswith(named), message


def test_other_commands(run: Run, tok_json: object) -> None:
    files = ["encode", tok_json, SAMPLE / "fr.txt", "-o", "x.npy"]
    assert refusal(run(*files, "--separator", "<|none|>")).startswith("--separator <|none|>: ")
    assert refusal(run("encode", tok_json, "threads: x")).startswith("threads: x: "), "a file of that name is no option"
