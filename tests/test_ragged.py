"""The result type of batches."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eurotok import Ragged

lists_of_ids = st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=5), max_size=8)


@given(lists_of_ids)
def test_lists_survive(lists: list[list[int]]) -> None:
    ragged = Ragged.from_lists(lists)
    assert len(ragged) == len(lists)
    assert ragged.to_list() == lists
    assert [ids.tolist() for ids in ragged] == lists
    assert [ragged[i].tolist() for i in range(len(lists))] == lists
    assert ragged.lengths.tolist() == [len(ids) for ids in lists]
    assert pickle.loads(pickle.dumps(ragged)) == ragged


@given(lists_of_ids, st.integers(-10, 10) | st.none(), st.integers(-10, 10) | st.none())
def test_slices_are_those_of_a_list(lists: list[list[int]], start: int | None, stop: int | None) -> None:
    part = Ragged.from_lists(lists)[start:stop]
    assert part.to_list() == lists[start:stop]
    assert part.offsets[0] == 0


def test_texts_are_views() -> None:
    ragged = Ragged(np.arange(4, dtype=np.uint32), [0, 1, 4])
    assert np.shares_memory(ragged[1], ragged.ids)
    assert np.shares_memory(ragged[1:].ids, ragged.ids)
    assert ragged[-1].tolist() == [1, 2, 3]


def test_index_outside() -> None:
    with pytest.raises(IndexError):
        Ragged.from_lists([[1]])[1]
    with pytest.raises(ValueError, match="steps of 1"):
        Ragged.from_lists([[1]])[::2]


@pytest.mark.parametrize(
    ("ids", "offsets", "message"),
    [
        ([1, 2], [0, 1], "from 0 to the number"),
        ([1, 2], [1, 2], "from 0 to the number"),
        ([], [], "from 0 to the number"),
        ([1, 2], [0, 2, 1, 2], "must not fall"),
        ([[1, 2]], [0, 1], "one dimension"),
        ([-1], [0, 1], "integers from 0"),
        ([2**32], [0, 1], "integers from 0"),
        ([0.5], [0, 1], "integers from 0"),
    ],
)
def test_contradictions_are_refused(ids: list[int], offsets: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Ragged(ids, offsets)


def test_equality_looks_at_borders() -> None:
    assert Ragged.from_lists([[1], [2]]) == Ragged([1, 2], [0, 1, 2])
    assert Ragged.from_lists([[1], [2]]) != Ragged.from_lists([[1, 2]])
    assert Ragged.from_lists([]) != []


def test_arrow() -> None:
    pa = pytest.importorskip("pyarrow")
    ragged = Ragged.from_lists([[1, 2], [], [3]])
    array = pa.array(ragged)
    assert array.type == pa.large_list(pa.uint32())
    assert array.to_pylist() == [[1, 2], [], [3]]
    assert ragged.to_arrow().values.buffers()[1].address == ragged.ids.ctypes.data, "no copy"
