"""A length that an object claims is not believed before its items are seen."""

import pytest

import eurotok


class Boastful:
    """A sequence of a few items that says it has a million million."""

    def __init__(self, *items: object) -> None:
        self.items = items

    def __len__(self) -> int:
        return 10**12

    def __length_hint__(self) -> int:
        return 10**12

    def __getitem__(self, place: int) -> object:
        return self.items[place]


def test_claimed_lengths_take_no_memory() -> None:
    tok = eurotok.load("euro-64k")
    assert tok.decode(Boastful(*tok.encode_list("a b c"))) == "a b c"  # type: ignore[arg-type]
    assert len(tok.encode_batch(Boastful("a", "b", "c"))) == 3  # type: ignore[arg-type]


def test_ids_are_read_up_to_the_first_that_is_none() -> None:
    tok = eurotok.load("euro-64k")
    with pytest.raises(eurotok.UnknownIdError, match=str(tok.vocab_size)):
        tok.decode(range(10**12))
