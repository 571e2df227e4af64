"""The workflows: actions are pinned, and there is a wheel for every version of Python that is declared."""

import re
import tomllib
from pathlib import Path

import pytest
from scripts import notices

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_to_a_commit_that_is_named(path: Path) -> None:
    uses = re.findall(r"uses: *(.*)", path.read_text(encoding="utf-8"))
    assert uses
    assert not [it for it in uses if not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", it)]


def test_an_action_has_one_version() -> None:
    uses = {it for path in WORKFLOWS for it in re.findall(r"uses: *(\S+@.*)", path.read_text(encoding="utf-8"))}
    assert len(uses) == len({it.partition("@")[0] for it in uses})


def test_each_declared_version_of_python_has_a_wheel() -> None:
    text = (ROOT / ".github" / "workflows" / "wheels.yml").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    built = re.search(r"python: \[(.*)\]", text)
    assert built
    assert re.findall(r"3\.\d+t?", built[1]) == [*declared, f"{declared[-1]}t"]
    assert project["requires-python"] == f">={declared[0]}"


def test_deny_and_the_notices_permit_the_same_licences() -> None:
    allowed = tomllib.loads((ROOT / "deny.toml").read_text(encoding="utf-8"))["licenses"]["allow"]
    assert sorted(it for it in allowed if " WITH " not in it) == sorted(notices.PREFERRED)
