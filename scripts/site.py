"""The hook of the site's generator (mkdocs.yml): links to files outside of docs/ lead to the repository."""

from __future__ import annotations

import posixpath
import re
from typing import Any

LINK = re.compile(r"\]\((\.\./[^)#\s]+)")
"""The beginning of a Markdown link to a file above."""


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:  # noqa: ANN401 - of mkdocs
    """Turn links that leave the folder of the pages into links to the repository."""
    known = {file.src_uri for file in files}

    def to_repository(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page.file.src_uri), link[1]))
        inside = target.removeprefix("docs/") if target.startswith("docs/") else None
        return link[0] if inside in known else f"]({config.repo_url.rstrip('/')}/blob/main/{target}"

    return LINK.sub(to_repository, markdown)
