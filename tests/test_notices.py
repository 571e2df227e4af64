"""The notices in the wheel are those of the crates and of the data that are in it."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest
from scripts import notices

ROOT = Path(__file__).parents[1]


def test_they_are_in_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY.md", "DATA.md"} == set(project["license-files"])
    assert all((ROOT / name).is_file() for name in project["license-files"])


def test_crates_are_those_that_are_linked() -> None:
    if shutil.which("cargo") is None:
        pytest.skip("no cargo: the crates are not listed")
    try:
        found = notices.metadata()
    except ValueError as error:
        pytest.skip(f"cargo does not list the crates: {error}")
    names = [package["name"] for package in notices.linked(found)]
    assert {"pyo3", "zstd-sys", "memchr"} <= set(names)
    assert not {"proptest", "cc", "syn", "eurotok-core"} & set(names), "of tests, of the build, our own"
    assert notices.third_party(found) == notices.THIRD_PARTY.read_text(encoding="utf-8"), "python -m scripts.notices"


def test_data_are_those_of_the_recipes() -> None:
    assert notices.data() == notices.DATA.read_text(encoding="utf-8"), "python -m scripts.notices"
    assert "NTREX-128, CC-BY-SA-4.0" in notices.data()


def test_versions_are_locked_and_each_crate_has_a_text() -> None:
    text = notices.THIRD_PARTY.read_text(encoding="utf-8")
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text(encoding="utf-8"))["package"]
    listed = re.findall(r"^\| ([\w-]+) \| (\d\S*) \|", text, re.MULTILINE)
    assert set(listed) <= {(package["name"], package["version"]) for package in lock}
    titles = "\n".join(re.findall(r"^## (.*)", text, re.MULTILINE))
    assert all(f"{name} {version}" in titles for name, version in listed)


def test_licences_that_are_not_permitted_are_refused() -> None:
    assert notices.licences("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT") == ["MIT"]
    with pytest.raises(ValueError, match="GPL-3"):
        notices.licences("MIT AND GPL-3.0-only")
