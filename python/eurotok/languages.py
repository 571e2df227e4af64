"""Languages, by the codes and names that people write."""

from __future__ import annotations

import re
from collections.abc import Iterable

from eurotok.suggestions import did_you_mean

# fmt: off
OFFICIAL = (
    "bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr",
    "hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv",
)
# fmt: on
"""The 24 official languages of the European Union."""

# fmt: off
LANGUAGE_NAMES = {
    "be": "Belarusian", "bg": "Bulgarian", "bs": "Bosnian", "ca": "Catalan", "cs": "Czech", "cy": "Welsh",
    "da": "Danish", "de": "German", "el": "Greek", "en": "English", "en-GB": "English (UK)", "es": "Spanish",
    "es-MX": "Spanish (Mexico)", "et": "Estonian", "eu": "Basque", "fi": "Finnish", "fo": "Faroese", "fr": "French",
    "fr-CA": "French (Canada)", "ga": "Irish", "gl": "Galician", "hr": "Croatian", "hu": "Hungarian", "is": "Icelandic",
    "it": "Italian", "lb": "Luxembourgish", "lt": "Lithuanian", "lv": "Latvian", "mk": "Macedonian", "mt": "Maltese",
    "nb": "Norwegian Bokmål", "nl": "Dutch", "nn": "Norwegian Nynorsk", "pl": "Polish", "pt": "Portuguese",
    "pt-BR": "Portuguese (Brazil)", "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian",
    "sq": "Albanian", "sr": "Serbian", "sr-Latn": "Serbian (Latin)", "sv": "Swedish", "tr": "Turkish",
    "uk": "Ukrainian",
}
# fmt: on
"""English names of languages, by the code that their file has."""

# fmt: off
_LONG = {
    "be": "bel", "bg": "bul", "bs": "bos", "ca": "cat", "cs": "ces cze", "cy": "cym wel", "da": "dan", "de": "deu ger",
    "el": "ell gre", "en": "eng", "es": "spa", "et": "est ekk", "eu": "eus baq", "fi": "fin", "fo": "fao",
    "fr": "fra fre", "ga": "gle", "gl": "glg", "hr": "hrv", "hu": "hun", "is": "isl ice", "it": "ita", "lb": "ltz",
    "lt": "lit", "lv": "lav lvs", "mk": "mkd mac", "mt": "mlt", "nb": "nob", "nl": "nld dut", "nn": "nno", "pl": "pol",
    "pt": "por", "ro": "ron rum", "ru": "rus", "sk": "slk slo", "sl": "slv", "sq": "sqi alb als", "sr": "srp",
    "sv": "swe", "tr": "tur", "uk": "ukr",
}
# fmt: on
"""Codes of three letters (ISO 639-2 and 639-3), by those of two."""

_SHORT = {long: short for short, codes in _LONG.items() for long in codes.split()}
_NAMED = {name.casefold(): code for code, name in LANGUAGE_NAMES.items()}
_SCRIPTS = {"el": "grek", **dict.fromkeys(("be", "bg", "mk", "ru", "sr", "uk"), "cyrl")}
"""The usual script of a language, where it is not Latin."""


def language_name(language: str) -> str:
    """Give the English name of a language, or its code if it is not known.

    Examples
    --------
    >>> language_name("mt"), language_name("tlh")
    ('Maltese', 'tlh')
    """
    return LANGUAGE_NAMES.get(language, language)


def code_of_name(name: str) -> str | None:
    """Give the code of a language by its English name, or None.

    Examples
    --------
    >>> code_of_name("french"), code_of_name("fr")
    ('fr', None)
    """
    return _NAMED.get(name.casefold())


def plain(language: str) -> str:
    """Write the code of a language the one way in which two spellings of it are the same.

    Examples
    --------
    >>> plain("FR"), plain("fra"), plain("fra_Latn"), plain("French"), plain("srp_Latn"), plain("pt_BR"), plain("code")
    ('fr', 'fr', 'fr', 'fr', 'sr-latn', 'pt-br', 'code')
    """
    base, *rest = re.split("[-_]", (code_of_name(language) or language).casefold())
    base = _SHORT.get(base, base)
    return "-".join([base, *(part for part in rest if part != _SCRIPTS.get(base, "latn"))])


def resolve(language: str, known: Iterable[str]) -> str:
    """Find a language among those that are known, however it is written; as it is, if it is none of them.

    Examples
    --------
    >>> resolve("FR", ["de", "fr"]), resolve("fra", ["fr"]), resolve("fr", ["fra_Latn"]), resolve("xx", ["fr"])
    ('fr', 'fr', 'fra_Latn', 'xx')
    """
    known = list(known)
    if language in known:
        return language
    same = [each for each in known if plain(each) == plain(language)]
    return same[0] if len(same) == 1 else language


def meant(language: str, known: Iterable[str]) -> str:
    """End a sentence about an unknown language with the one that was meant, if one is near.

    Examples
    --------
    >>> meant("frr", ["fr", "de"]), meant("xx", ["fr"])
    ('; did you mean fr?', '')
    """
    return did_you_mean(language, known)
