"""The process that opens a file which can run code: it converts, then answers rows until its input ends.

It talks in lines of JSON; arrays go through files of NumPy without pickles, so that nothing that the other
side reads can run anything. Its libraries are those of the interpreter that runs it.
"""

from __future__ import annotations

import json
import pickle
import struct
import sys
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from mlwright.errors import LibraryMismatch, MlwrightError, ModelDamaged
from mlwright.packaging.conversion import Conversion, parse_input
from mlwright.packaging.kernel_json import kernel_to_json
from mlwright.packaging.kernel_model import KernelModel
from mlwright.packaging.objects import convert_object
from mlwright.packaging.optional import integration

JsonObject = dict[str, Any]
DAMAGES = (EOFError, pickle.UnpicklingError, struct.error, zipfile.BadZipFile, zlib.error)


def work(request: JsonObject, isolation: str, out: TextIO) -> None:
    """Convert the file of a request and answer the questions of standard input."""
    folder = Path(request["folder"])
    conversion: Conversion | None = None

    def say(answer: JsonObject) -> None:
        out.write(json.dumps(answer) + "\n")
        out.flush()

    def convert() -> JsonObject:
        nonlocal conversion
        conversion = open_file(request)
        return {"isolation": isolation, **_described(conversion, folder)}

    say(_tried(convert))
    for line in sys.stdin:
        number = int(json.loads(line)["ask"])
        say(_tried(lambda number=number: _answer(conversion, folder, number)))


def open_file(request: JsonObject) -> Conversion:
    """Open a file by its format and convert what is in it. Raises `ModelUnsupported`."""
    path = Path(request["file"])
    inputs = [parse_input(text) for text in request["inputs"]]
    match request["format"]:
        case "pickle":
            sys.path.append(str(path.parent))  # modules of one's own that the pickle names
            return convert_object(_unpickled(path), inputs)
        case "torch" | "torch-export":
            converted: Conversion = integration("torch", path.name).convert_file(path, inputs)
            return converted
        case "keras" | "saved-model":
            opened: Conversion = integration("tensorflow", path.name).convert_file(
                path, is_trusted=request["is_trusted"]
            )
            return opened
        case other:
            raise ValueError(f"no opening for {other!r}")


def _unpickled(path: Path) -> object:
    """Run a pickle. joblib opens plain pickles and its own; it comes with scikit-learn.

    Raises `LibraryMismatch` for one of another version of scikit-learn, which would be read without an error
    and might answer differently, and for what this interpreter does not have.
    """
    import joblib  # type: ignore[import-untyped]
    from sklearn.exceptions import InconsistentVersionWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", InconsistentVersionWarning)
            return joblib.load(path)
    except InconsistentVersionWarning as other:
        raise LibraryMismatch(
            f"{path.name!r} holds a {other.estimator_name} of scikit-learn {other.original_sklearn_version}, "
            f"{sys.executable} has {other.current_sklearn_version}",
            hint="name an interpreter with that version with `--python`, or fit the model again",
        ) from other
    except ModuleNotFoundError as missing:
        raise LibraryMismatch(
            f"{path.name!r} needs the module {missing.name!r}, which {sys.executable} does not have",
            hint="name the interpreter that wrote it with `--python`; modules of your own go beside the file",
        ) from missing
    except AttributeError as missing:
        if "Can't get attribute" not in str(missing):
            raise
        raise LibraryMismatch(
            f"{path.name!r} names what is not there: {missing}",
            hint="name the interpreter that wrote it with `--python`; classes of your own go into a "
            "module beside the file, not into the program that was run",
        ) from missing


def _described(conversion: Conversion, folder: Path) -> JsonObject:
    data = folder / "model"
    described: JsonObject = {"library": conversion.library, "kind": conversion.kind}
    if isinstance(conversion.model, KernelModel):
        data.write_bytes(conversion.model.data)
        return {**described, "kernel": kernel_to_json(conversion.model)}
    data.write_bytes(conversion.model)
    return {**described, "kernel": None}


def _answer(conversion: Conversion | None, folder: Path, number: int) -> JsonObject:
    assert conversion is not None
    with np.load(folder / f"rows-{number}.npz", allow_pickle=False) as given:
        tensors = {
            name: given[name].astype(object) if given[name].dtype.kind == "U" else given[name]
            for name in given
        }
    outputs = conversion.answers(tensors)
    arrays = {
        str(place): output.astype(str) if output.dtype.kind == "O" else output
        for place, output in enumerate(outputs)
    }
    np.savez(folder / f"answers-{number}.npz", **arrays)  # type: ignore[arg-type]
    return {"outputs": len(outputs)}


def _tried(ask: Any) -> JsonObject:
    """Give an answer, or what went wrong: a library may raise anything, and its words are the reason."""
    try:
        found: JsonObject = ask()
    except MlwrightError as refusal:
        return {"refused": refusal.message, "hint": refusal.hint, "code": refusal.code}
    except DAMAGES as problem:
        return {
            "refused": f"the file is damaged: {type(problem).__name__}: {problem}"[:400],
            "hint": "copy it again, or write it again from the program that trained it",
            "code": ModelDamaged.code,
        }
    except Exception as problem:  # noqa: BLE001 - the border between a library and mlwright
        words = str(problem).strip().splitlines()
        return {
            "refused": f"the library raised {type(problem).__name__}: {words[0][:300] if words else ''}",
            "hint": "open the file with the same interpreter and ask it for a prediction",
        }
    return found
