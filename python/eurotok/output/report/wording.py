"""The words and numbers of a page in its language: the texts of a language are one file in `texts/`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, get_args

import numpy as np

from eurotok import escape
from eurotok.output.names import PageLanguage as PageLanguage
from eurotok.pricing import parallel_text

HOME = "https://github.com/OpenLLM-Europe/eurotok"
"""Where pages link to for their reader; they fetch nothing from there."""


@dataclass(frozen=True)
class Wording:
    """The texts of a language.

    Attributes
    ----------
    language
        Its code.
    texts
        Texts by section and name. The sections `page` and `playground` are HTML.
    """

    language: PageLanguage
    texts: Mapping[str, Mapping[str, Any]]

    def say(self, section: str, name: str, **values: str) -> str:
        """Fill in a text.

        Examples
        --------
        >>> wording("fr").say("script", "count", count="3")
        '3 tokens'
        """
        return str(self.texts[section][name]).format_map(values)

    def language_name(self, code: str) -> str:
        """Give the name of a language as it stands in a sentence, or its code if it is not known.

        Examples
        --------
        >>> wording("de").language_name("mt"), wording("fr").language_name("tlh")
        ('Maltesisch', 'tlh')
        """
        return str(self.texts.get("languages", {}).get(code) or parallel_text.language_name(code))

    def heading(self, code: str) -> str:
        """Give the name of a language as it begins a row.

        Examples
        --------
        >>> wording("fr").heading("mt")
        'Maltais'
        """
        name = self.language_name(code)
        return name if name == code else name[:1].upper() + name[1:]

    def number(self, value: float, digits: int = 0) -> str:
        r"""Write a number; a dash if it is not known.

        Examples
        --------
        >>> wording("de").number(1234.56, 1), wording("fr").number(1234), wording("en").number(float("nan"))
        ('1.234,6', '1\u202f234', '–')
        """
        if np.isnan(value):
            return "–"
        signs = {",": self.texts["form"]["thousands"], ".": self.texts["form"]["decimal"], "-": "−"}
        return "".join(signs.get(sign, sign) for sign in f"{value:,.{digits}f}")

    def share(self, value: float) -> str:
        r"""Write a proportion as a percentage without a sign.

        Examples
        --------
        >>> wording("fr").share(-0.114)
        '11\u202f%'
        """
        return f"{self.number(abs(100 * value))}{self.texts['form']['percent']}"

    def percent(self, value: float, digits: int = 0) -> str:
        r"""Write a proportion as a percentage with its sign, a true minus and a space that does not break.

        Examples
        --------
        >>> en = wording("en")
        >>> en.percent(0.364), en.percent(-0.05), en.percent(float("nan")), wording("de").percent(0.0512, 1)
        ('+36\xa0%', '−5\xa0%', '–', '+5,1\xa0%')
        """
        if np.isnan(value):
            return "–"
        rounded = round(100 * value, digits)
        sign = "+" if rounded > 0 else ""
        return f"{sign}{self.number(rounded or 0.0, digits if rounded else 0)}{self.texts['form']['percent']}"

    def interval(self, low: float, high: float) -> str:
        r"""Write an interval of proportions; nothing if it is not known.

        Examples
        --------
        >>> wording("en").interval(-0.12, 0.31), wording("fr").interval(float("nan"), 1.0)
        ('−12 to +31\xa0%', '')
        """
        if np.isnan(low) or np.isnan(high):
            return ""
        form = self.texts["form"]
        return f"{self.percent(low).removesuffix(form['percent'])} {form['to']} {self.percent(high)}"

    def times(self, value: float) -> str:
        """Write a ratio of tokens.

        Examples
        --------
        >>> wording("en").times(1.154), wording("de").times(1.154), wording("en").times(float("nan"))
        ('×1.15', '×1,15', '–')
        """
        return "–" if np.isnan(value) else f"×{self.number(value, 2)}"

    def times_between(self, low: float, high: float) -> str:
        """Write the interval of a ratio; nothing if it is not known.

        Examples
        --------
        >>> wording("en").times_between(1.131, 1.17), wording("en").times_between(float("nan"), 1.0)
        ('×1.13 to 1.17', '')
        """
        if np.isnan(low) or np.isnan(high):
            return ""
        return f"{self.times(low)} {self.texts['form']['to']} {self.number(high, 2)}"


@cache
def wording(language: str = "en") -> Wording:
    """Read the texts of a language.

    Raises
    ------
    ValueError
        If there are none.

    Examples
    --------
    >>> wording("de").texts["script"]["dark"]
    'dunkel'
    """
    known: tuple[PageLanguage, ...] = get_args(PageLanguage)
    found = next((it for it in known if it == language), None)
    if found is None:
        raise ValueError(f"language: no page in {language!r}; there is {', '.join(known)}")
    text = (resources.files(__package__) / "texts" / f"{found}.toml").read_text(encoding="utf-8")
    return Wording(found, tomllib.loads(text))


def breakable(name: str) -> str:
    """Escape a name, and let lines break after its punctuation.

    Examples
    --------
    >>> breakable("o200k_base")
    'o200k_<wbr>base'
    """
    return re.sub(r"(?<=[._-])(?=\w)", "<wbr>", escape.html(name))
