"""Run by the Python of an environment with `xllamacpp`: the ids that llama.cpp gives for texts.

Arguments are a GGUF file and a list of texts in JSON; prints a list of ids for each. The wheel shows the C interface of
llama.cpp, whose parameters have the layout of the version that `llama.txt` pins.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import sys
from pathlib import Path

VOCAB_ONLY = 72
"""The byte of the parameters that asks for the vocabulary alone."""

LOG = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)


class Parameters(ctypes.Structure):
    """Those of a model; longer than they are, which C allows."""

    _fields_ = (("bytes", ctypes.c_ubyte * 128),)


def opened() -> ctypes.CDLL:
    spec = importlib.util.find_spec("xllamacpp")
    assert spec is not None and spec.origin is not None
    library = ctypes.CDLL(str(next(Path(spec.origin).parent.glob("*.so"))))
    pointer, integer, truth = ctypes.c_void_p, ctypes.c_int32, ctypes.c_bool
    library.llama_model_default_params.restype = Parameters
    library.llama_model_load_from_file.restype = library.llama_model_get_vocab.restype = pointer
    library.llama_model_load_from_file.argtypes = [ctypes.c_char_p, Parameters]
    library.llama_model_get_vocab.argtypes = [pointer]
    library.llama_tokenize.argtypes = [pointer, ctypes.c_char_p, integer, pointer, integer, truth, truth]
    return library


def main(path: str, texts: list[str]) -> list[list[int]]:
    library = opened()
    silent = LOG(lambda *_: None)
    library.llama_log_set(silent, None)
    library.llama_backend_init()
    parameters = library.llama_model_default_params()
    parameters.bytes[VOCAB_ONLY] = 1
    model = library.llama_model_load_from_file(path.encode(), parameters)
    assert model, "llama.cpp does not load the file"
    vocabulary = library.llama_model_get_vocab(model)
    found = []
    for text in texts:
        data = text.encode()
        ids = (ctypes.c_int32 * (len(data) + 16))()
        count = library.llama_tokenize(vocabulary, data, len(data), ids, len(ids), False, False)
        found.append(ids[:count])
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))))
