"""Holds the code to the edges that ARCHITECTURE.md permits."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "rust" / "core" / "src"
PACKAGE = ROOT / "python" / "eurotok"

Edges = dict[str, set[str]]


def permitted(language: str) -> Edges:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    block = re.search(rf"^```edges {language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert block, f"ARCHITECTURE.md has no block of edges for {language}"
    lines = (line.partition(":") for line in block[1].splitlines())
    return {module: set(used.split()) for module, _, used in lines}


def rust_uses(source: str) -> set[str]:
    """Modules of the crate that a file uses, its tests and comments left out."""
    code = re.sub(r"//.*", "", source.partition("#[cfg(test)]\nmod ")[0])
    used = set(re.findall(r"\bcrate::(?:\{\s*)?([a-z_]+)\b", code))
    assert not re.search(r"\buse crate::\{", code), "one `use crate::module` a line, so that edges are seen"
    return used


def rust_edges() -> Edges:
    edges: Edges = {}
    for path in CORE.rglob("*.rs"):
        module = path.relative_to(CORE).parts[0].removesuffix(".rs")
        if module == "lib" or "tests" in (path.stem, *path.parts):
            continue
        edges.setdefault(module, set()).update(rust_uses(path.read_text()) - {module})
    return edges


def python_uses(source: str) -> set[str]:
    used: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            package, _, module = node.module.partition(".")
            if package == "eurotok":
                used |= {module.partition(".")[0]} if module else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            used |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("eurotok.")}
        assert not (isinstance(node, ast.ImportFrom) and node.level), "imports are absolute, so that edges are seen"
    return used


def python_edges() -> Edges:
    edges: Edges = {}
    for path in PACKAGE.rglob("*.py"):
        module = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if module not in ("__init__", "__main__"):
            edges.setdefault(module, set()).update(python_uses(path.read_text()) - {module})
    return edges


@pytest.mark.parametrize(("language", "found"), [("rust", rust_edges), ("python", python_edges)])
def test_modules_use_only_what_they_may(language: str, found: object) -> None:
    assert callable(found)
    actual, allowed = found(), permitted(language)
    assert set(actual) == set(allowed), "ARCHITECTURE.md lists exactly the modules there are"
    beyond = {module: sorted(used - allowed[module]) for module, used in actual.items() if used - allowed[module]}
    assert not beyond, f"edges that ARCHITECTURE.md does not permit: {beyond}"


@pytest.mark.parametrize("language", ["rust", "python"])
def test_permitted_edges_have_no_cycle(language: str) -> None:
    left = permitted(language)
    while left:
        done = {module for module, used in left.items() if not used & set(left)}
        assert done, f"a cycle among {sorted(left)}"
        left = {module: used for module, used in left.items() if module not in done}


Files = dict[tuple[str, ...], set[tuple[str, ...]]]
"""Each file by its module path, with the module paths that it uses."""


def rust_files(source: Path) -> Files:
    """The files of a crate. A path that is used may end in items that are no modules."""
    files: Files = {}
    for path in source.rglob("*.rs"):
        *folders, name = path.relative_to(source).with_suffix("").parts
        if "tests" in (*folders, name) or "testing" in folders or (not folders and name == "lib"):
            continue
        module = (*folders,) if name == "mod" else (*folders, name)
        code = re.sub(r"//.*", "", path.read_text().partition("#[cfg(test)]\nmod ")[0])
        used = {tuple(it.split("::")) for it in re.findall(r"\bcrate::([a-z_0-9]+(?:::[a-z_0-9]+)*)", code)}
        for climb, rest in re.findall(r"\b((?:super::)+)([a-z_0-9]*(?:::[a-z_0-9]+)*)", code):
            used.add((*module[: len(module) - climb.count("super")], *filter(None, rest.split("::"))))
        files[module] = used
    return files


def python_files() -> Files:
    """The files of the package; that of a folder's `__init__` ends in it."""
    files: Files = {}
    for path in PACKAGE.rglob("*.py"):
        module = path.relative_to(PACKAGE).with_suffix("").parts
        if module[-1] == "__main__" or module == ("__init__",):
            continue
        used: set[tuple[str, ...]] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "eurotok":
                base = tuple(node.module.split(".")[1:])
                used |= {(*base, alias.name) for alias in node.names}
            elif isinstance(node, ast.Import):
                used |= {tuple(alias.name.split(".")[1:]) for alias in node.names if alias.name.startswith("eurotok.")}
        files[module] = used
    return files


def file_edges(files: Files) -> Files:
    """The files that each file uses: the longest of its paths that is a file."""

    def file_of(used: tuple[str, ...]) -> tuple[str, ...] | None:
        starts = [used[:end] for end in range(len(used), 0, -1)]
        known = (found for it in starts for found in (it, (*it, "__init__")) if found in files)
        return next(known, None)

    return {file: {found for it in used if (found := file_of(it)) and found != file} for file, used in files.items()}


def rooms_by_folder(files: Files) -> dict[tuple[str, ...], Edges]:
    """The rooms of each folder, at any depth, with the rooms of the same folder that they use.

    A folder's own file belongs to no room of that folder.
    """
    found: dict[tuple[str, ...], Edges] = {}
    for folder in sorted({file[:depth] for file in files for depth in range(len(file))}):
        below = len(folder)
        rooms = found.setdefault(folder, {})
        for file, used in file_edges(files).items():
            if file[:below] == folder and len(file) > below and file[below] != "__init__":
                others = {it[below] for it in used if it[:below] == folder and len(it) > below}
                rooms.setdefault(file[below], set()).update(others - {file[below], "__init__"})
    return found


def circles(files: Files) -> list[str]:
    """Rooms of one folder that use one another in a circle, itself or through others, at any depth of folders."""
    wrong = []
    for folder, rooms in rooms_by_folder(files).items():
        left = dict(rooms)
        while done := {room for room, used in left.items() if not used & set(left)}:
            left = {room: used for room, used in left.items() if room not in done}
        if left:
            wrong.append(f"{'/'.join(folder) or 'top'}: {', '.join(sorted(left))}")
    return wrong


def upward(files: Files, order: dict[str, list[str]]) -> list[str]:
    """Rooms that use a room which stands behind them in the order of their folder, or that have no place in it."""
    wrong = []
    for folder, rooms in rooms_by_folder(files).items():
        name = "/".join(folder)
        if not folder or (len(rooms) < 3 and name not in order):
            continue
        places = {room: place for place, room in enumerate(order.get(name, []))}
        wrong += [f"{name}: {room} has no place in the order" for room in sorted(set(rooms) ^ set(places))]
        for room, used in rooms.items():
            behind = [it for it in used if places.get(it, -1) > places.get(room, len(places))]
            wrong += [f"{name}: {room} uses {it}, which stands behind it" for it in sorted(behind)]
    return wrong


@pytest.mark.parametrize(("language", "files"), [("rust", rust_files(CORE)), ("python", python_files())])
def test_no_room_uses_one_that_stands_behind_it(language: str, files: Files) -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    block = re.search(rf"^```order {language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert block, f"ARCHITECTURE.md has no order of rooms for {language}"
    lines = (line.partition(":") for line in block[1].splitlines())
    assert upward(files, {folder: rooms.split() for folder, _, rooms in lines}) == []


@pytest.mark.parametrize(
    "files",
    [rust_files(CORE), python_files()],
    ids=["core", "python"],
)
def test_no_room_uses_another_in_a_circle(files: Files) -> None:
    assert len(files) > 5
    assert not circles(files)


def type_names(source: str) -> list[str]:
    """The structs, enums, traits and unions that a file defines, its tests and comments left out."""
    code = re.sub(r"//.*", "", source.partition("#[cfg(test)]\nmod ")[0])
    return re.findall(r"^\s*(?:pub(?:\([^)]*\))? )?(?:struct|enum|trait|union) (\w+)", code, re.MULTILINE)


def test_the_name_of_a_type_has_one_meaning() -> None:
    """Test modules are exempt. A class of the binding may have the name of the type that it wraps."""
    wrapped = {"Counts", "Tokenizer"}
    places: dict[str, list[str]] = {}
    for source, exempt in ((CORE, set()), (ROOT / "rust/python/src", wrapped)):
        for path in source.rglob("*.rs"):
            if "tests" in (path.stem, *path.parts) or "testing" in path.parts:
                continue
            for name in set(type_names(path.read_text())) - exempt:
                places.setdefault(name, []).append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def types_in_prose(source: str, types: set[str]) -> list[str]:
    """The types that comments name outside of code marks: a rename of the type also took a word of a sentence."""
    comments = " ".join(re.findall(r"//[/!]? ?(.*)", source))
    prose = re.sub(r"`[^`]*`|\[[^\]]*\](?:\([^)]*\))?", "", comments)
    return [word for word in re.findall(r"\b[A-Z][a-z]+[A-Z]\w*", prose) if word in types]


def test_comments_name_types_in_code_marks() -> None:
    sources = {str(path.relative_to(ROOT)): path.read_text() for path in sorted((ROOT / "rust").rglob("src/**/*.rs"))}
    types = {name for source in sources.values() for name in type_names(source)}
    # The field's names of models.
    types -= {"WordPiece", "WordLevel"}
    found = {path: types_in_prose(source, types) for path, source in sources.items()}
    assert {path: words for path, words in found.items() if words} == {}


def test_the_core_knows_no_python_and_does_not_print() -> None:
    manifest = (ROOT / "rust" / "core" / "Cargo.toml").read_text()
    assert "pyo3" not in manifest
    assert "numpy" not in manifest
    printing = [
        path.relative_to(ROOT)
        for path in CORE.rglob("*.rs")
        if re.search(r"\b(e?print(ln)?|dbg)!", re.sub(r"//.*", "", path.read_text()))
    ]
    assert not printing


def test_unsafe_code_is_confined() -> None:
    """The compiler denies it; this says who may lift that."""
    lifting = {
        path.relative_to(source).parts[0].removesuffix(".rs")
        for source in (CORE, ROOT / "rust/python/src")
        for path in source.rglob("*.rs")
        if re.search(r"\b(allow|expect)\(\s*unsafe_code", path.read_text())
    }
    assert lifting == {"arch"}
    tests = {path.name for path in (ROOT / "rust/core/tests").glob("*.rs") if "expect(unsafe_code" in path.read_text()}
    assert tests <= {"memory.rs"}, "an allocator that refuses is the one thing that tests may be unsafe for"


def test_the_judges_of_this_file_judge() -> None:
    rust = "use crate::vocab::Vocab; // crate::train\ncrate::split::g()\n#[cfg(test)]\nmod tests { crate::count }"
    assert rust_uses(rust) == {"vocab", "split"}
    assert type_names(
        "pub(crate) struct A<T>(T);\n// struct B\n    enum C {}\n#[cfg(test)]\nmod tests { struct D; }"
    ) == ["A", "C"]
    assert types_in_prose("// AbC of a `AbC` and [AbC]\nstruct AbC;\n/// Other Words", {"AbC"}) == ["AbC"]
    python = "import eurotok.files\nfrom eurotok import metrics\nfrom eurotok.cli.streams import texts\nimport os"
    assert python_uses(python) == {"files", "metrics", "cli"}
    a, b, y, deep = ("x", "a"), ("x", "b"), ("x", "y"), ("x", "y", "c")
    assert circles({a: {b}, b: {y}, y: set(), deep: {(*b, "item")}}) == ["x: a, b, y"]
    assert circles({a: {b}, b: {y}, y: set(), deep: {("x",)}, ("x",): {a}}) == []
    files: Files = {a: set(), b: {a}, y: {b}, deep: {(*b, "item")}}
    assert upward(files, {"x": ["a", "b", "y"]}) == []
    assert upward(files, {"x": ["b", "a", "y"]}) == ["x: b uses a, which stands behind it"]
    assert upward(files, {"x": ["a", "b"]}) == ["x: y has no place in the order"]
