"""The plan of a run: inputs, parts, tokenizers and options. It decides every byte of the output.

A folder has one plan, `.eurotok/plan.json`. Its parts do not depend on threads, processes or machines, so that anybody
can do any of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from eurotok import _core
from eurotok.shards.filters import Filter
from eurotok.shards.formats import FORMATS, named
from eurotok.shards.inputs import Input
from eurotok.shards.output import HIDDEN, json_bytes, put_bytes
from eurotok.tokenizer import Tokenizer

KIND = "eurotok shards plan 1"
PART_BYTES = 256 << 20
"""Small inputs are joined to parts of this size, as they are stored."""

JOURNAL = "journal"


@dataclass(frozen=True)
class Options:
    """All settings that decide the bytes of the output, except inputs and tokenizers; see `eurotok.shards.write`."""

    format: str = "megatron"
    text: str = "text"
    id: str | None = None
    lines: bool = False
    missing: str = "error"
    errors: str = "strict"
    where: str | None = None
    min_tokens: int = 0
    max_tokens: int | None = None
    bos: str | int | None = None
    eos: str | int | None = None
    specials: str = "text"
    dtype: str | None = None
    shard_size: int = 0
    validation: float = 0.0
    shuffle: int | None = None
    source_field: str | None = None
    language_field: str | None = None
    max_document: int = 1 << 28
    chat: str | None = None

    def __post_init__(self) -> None:
        named(self.format)
        if self.where is not None:
            Filter(self.where)
        for name, allowed in (
            ("missing", ("error", "skip")),
            ("errors", ("strict", "replace")),
            ("specials", ("text", "parse")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}: {getattr(self, name)!r} is neither {allowed[0]!r} nor {allowed[1]!r}")
        if self.chat is not None:
            if not named(self.format).has_masks:
                able = ", ".join(name for name, it in FORMATS.items() if it.has_masks)
                raise ValueError(f"format: {self.format} has no place for the masks of chats: choose one of {able}")
            if self.bos is not None or self.eos is not None:
                raise ValueError("bos, eos: the template of chats puts these itself")
        if not 0 <= self.validation < 1:
            raise ValueError(f"validation: {self.validation:g} is no share from 0 to 1")
        for name in ("text", "id", "chat"):
            path = getattr(self, name)
            if path is not None and not all(path.split(".")):
                raise ValueError(f"{name}: {path!r} is no path of a field")
        if self.min_tokens < 0:
            raise ValueError(f"min_tokens: {self.min_tokens} is below 0")
        if self.max_tokens is not None and self.max_tokens < self.min_tokens:
            raise ValueError(f"max_tokens: {self.max_tokens} is less than min_tokens, {self.min_tokens}")

    @property
    def splits(self) -> tuple[str, ...]:
        """The folders that documents go to: the output itself, and one for validation if there is any."""
        return ("", VALIDATION) if self.validation else ("",)


VALIDATION = "validation"
"""The folder, in that of the output, of documents that are not trained on."""


@dataclass(frozen=True)
class Plan:
    """A plan of the work: inputs, parts, tokenizers and options.

    Attributes
    ----------
    inputs
        All inputs, in the order of their documents.
    parts
        The inputs of each part, by their places.
    tokenizers
        The hash and the size of each tokenizer, by the folder of its output; `""` is the output itself.
    options
        The options.
    """

    inputs: tuple[Input, ...]
    parts: tuple[tuple[int, ...], ...]
    tokenizers: dict[str, dict[str, Any]]
    options: Options

    def to_json(self) -> dict[str, Any]:
        """Give the form that `from_json` takes."""
        return {
            "format": KIND,
            "inputs": [it.to_json() for it in self.inputs],
            "parts": [list(part) for part in self.parts],
            "tokenizers": self.tokenizers,
            "options": asdict(self.options),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """Make a plan from its form in JSON."""
        return cls(
            tuple(Input(**it) for it in data["inputs"]),
            tuple(tuple(part) for part in data["parts"]),
            dict(data["tokenizers"]),
            Options(**data["options"]),
        )


def make(
    inputs: Sequence[Input],
    tokenizers: Mapping[str, tuple[str, Tokenizer]],
    contents: Mapping[str, bytes],
    options: Options,
) -> Plan:
    """Make the plan of a run.

    Parameters
    ----------
    inputs
        All inputs.
    tokenizers
        Name and tokenizer by the folder of the output.
    contents
        The bytes of each tokenizer's file.
    options
        The options.
    """
    kind = named(options.format)
    described = {}
    for folder, (name, tokenizer) in tokenizers.items():
        kind.dtype(tokenizer.vocab_size, options.dtype)
        for end in (options.bos, options.eos):
            if end is not None:
                tokenizer.encode("", bos=end)  # refuses one that the vocabulary does not have
        digest = hashlib.sha256(contents[folder]).hexdigest()
        described[folder] = {"name": name, "sha256": digest, "vocab_size": tokenizer.vocab_size}
        if options.chat is not None:
            if tokenizer.chat_template is None:
                raise ValueError(f"chat: the tokenizer {name} has no chat template")
            described[folder]["chat_template"] = tokenizer.chat_template
    return Plan(tuple(inputs), tuple(_parts(inputs)), described, options)


def _parts(inputs: Sequence[Input]) -> Iterable[tuple[int, ...]]:
    part: list[int] = []
    size = 0
    for place, it in enumerate(inputs):
        if part and size + it.size > PART_BYTES:
            yield tuple(part)
            part, size = [], 0
        part.append(place)
        size += it.size
    if part:
        yield tuple(part)


def load(folder: Path) -> Plan:
    """Read the plan of a folder.

    Raises
    ------
    FileNotFoundError
        If it has none.
    FormatError
        If it is none of this version.
    """
    path = folder / HIDDEN / "plan.json"
    try:
        data = json.loads(path.read_bytes())
        if data["format"] != KIND:
            raise ValueError
        return Plan.from_json(data)
    except (ValueError, KeyError, TypeError) as error:
        raise _core.FormatError(f"{path}: not a plan of this version") from error


def settle(folder: Path, plan: Plan, contents: Mapping[str, bytes]) -> Plan:
    """Store a plan in a folder, or check that the folder holds the same plan already.

    Returns
    -------
    Plan
        The plan of the folder. Its inputs are the inputs of `plan`, which may have other names by now. An input of an
        unfinished part may be another file.

    Raises
    ------
    ValueError
        If the folder holds another plan, with the difference, or anything else.
    """
    path = folder / HIDDEN / "plan.json"
    if not path.exists():
        strangers = [it.name for it in folder.iterdir() if it.name != HIDDEN] if folder.is_dir() else []
        if strangers:
            raise ValueError(f"{folder}: not empty, and no output of eurotok: it holds {sorted(strangers)[0]}")
        for name, data in contents.items():
            put_bytes(tokenizer_path(folder, name), data)
        if _put_first(path, json_bytes(plan.to_json())):
            return plan
    there = load(folder)
    settled = _reconcile(folder, there, plan)
    if settled != there:
        put_bytes(path, json_bytes(settled.to_json()))
    return settled


def _put_first(path: Path, data: bytes) -> bool:
    """Write a file unless another process was first, and say whether it is ours."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}.partial")
    put_bytes(part, data)
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if path.exists():
            return False
        part.replace(path)
        return True
    finally:
        part.unlink(missing_ok=True)
    return True


def _reconcile(folder: Path, there: Plan, wanted: Plan) -> Plan:
    differences = []
    if set(there.tokenizers) != set(wanted.tokenizers):
        differences.append("other tokenizers")
    differences += [
        f"another tokenizer ({about['name']} there has other bytes)"
        for name, about in there.tokenizers.items()
        if name in wanted.tokenizers and wanted.tokenizers[name]["sha256"] != about["sha256"]
    ]
    differences += [
        f"another chat template ({about['name']})"
        for name, about in there.tokenizers.items()
        if wanted.tokenizers.get(name, about).get("chat_template") != about.get("chat_template")
    ]
    for field in fields(Options):
        old, new = getattr(there.options, field.name), getattr(wanted.options, field.name)
        if old != new:
            differences.append(f"{field.name} is {old!r} there and {new!r} here")
    inputs = _match(folder, there, wanted, differences)
    if differences:
        raise ValueError(f"{folder}: the output of another run: {'; '.join(differences)}")
    return replace(there, inputs=inputs)


def _match(folder: Path, there: Plan, wanted: Plan, differences: list[str]) -> tuple[Input, ...]:
    """Find the inputs of a plan again: by their paths, or, if they have other names, by their content."""
    by_path = {it.path: it for it in wanted.inputs}
    names = {it.path for it in there.inputs}
    finished = {place for part, places in enumerate(there.parts) if is_done(folder, part) for place in places}
    renamed = [it for it in wanted.inputs if it.path not in names]
    matched = []
    for place, old in enumerate(there.inputs):
        new = by_path.get(old.path)
        if new is None:
            same = [it for it in renamed if (it.size, it.fingerprint) == (old.size, old.fingerprint)]
            if not same:
                differences.append(f"{old.path} is not among the inputs here")
                matched.append(old)
                continue
            new = same[0]
            renamed.remove(new)
        elif (new.size, new.fingerprint) != (old.size, old.fingerprint) and place in finished:
            differences.append(f"{old.path} changed since it was written to shards")
        matched.append(replace(new, source=old.source, language=old.language))
    differences += [f"{it.path} is not among the inputs there" for it in renamed[:1]]
    return tuple(matched)


def tokenizer_path(folder: Path, name: str) -> Path:
    """Name the file in which an output keeps its tokenizer."""
    return folder / HIDDEN / f"tokenizer{'-' if name else ''}{name}.eurotok"


def kept_tokenizer(folder: Path) -> Path | None:
    """Find the file in which the folder of an output, or one that it is in, keeps its tokenizer."""
    below: list[str] = []
    for place in (folder, *folder.parents[:2]):
        for name in ("", *below):
            path = tokenizer_path(place, name)
            if path.exists():
                return path
        below.append(place.name)
    return None


def journal_path(folder: Path, part: int) -> Path:
    """Name the file that says that a part is finished."""
    return folder / HIDDEN / JOURNAL / f"part-{part:05d}.json"


def is_done(folder: Path, part: int) -> bool:
    """Tell whether a part is finished."""
    return journal_path(folder, part).exists()


def unfinished(folder: Path, plan: Plan) -> list[int]:
    """List the parts that are not finished."""
    return [part for part in range(len(plan.parts)) if not is_done(folder, part)]
