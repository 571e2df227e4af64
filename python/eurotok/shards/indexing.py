"""Files that describe a whole folder of shards, for formats that have them."""

from __future__ import annotations

from eurotok.shards.formats import Settings, Written, named
from eurotok.shards.manifest import Manifest
from eurotok.shards.output import Output


def write_index(manifest: Manifest) -> None:
    """Write the files that describe a whole folder, if its format has any."""
    kind = named(manifest.format)
    settings = Settings(
        manifest.numpy_dtype(), manifest.tokenizer.get("name", ""), manifest.tokenizer.get("vocab_size", 0)
    )
    shards = [Written(it["name"], it["documents"], it["tokens"], it["files"]) for it in manifest.shards]
    manifest.folder.mkdir(parents=True, exist_ok=True)
    files = kind.index(shards, settings)
    if files:
        with Output(manifest.folder) as output:
            for name, data in files.items():
                output.open(name).write(data)
            output.commit()
