"""What wrote a file is told from the file, without running anything of it."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from mlwright.errors import ModelUnsupported, ModelUntrusted, SourceUnreadable
from mlwright.packaging.model_format import FORMATS, NAMES, format_of
from tests.unit.packaging import graphs
from tests.unit.packaging.test_catboost import document as catboost_document
from tests.unit.packaging.test_catboost import number, oblivious
from tests.unit.packaging.xgboost_documents import document, stump, to_ubjson


def archive(*names: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for name in names:
            file.writestr(name, "{}")
    return data.getvalue()


def lightgbm_text() -> bytes:
    rows = np.arange(40.0).reshape(-1, 1)
    data = lgb.Dataset(rows, rows[:, 0] > 5, params={"verbose": -1})
    return lgb.train({"verbose": -1}, data, 2).model_to_string().encode()


XGBOOST = document([stump(0.5, 1.0, 2.0)])
FILES = {
    "lightgbm": ("m.txt", lightgbm_text()),
    "xgboost": ("m.json", json.dumps(XGBOOST).encode()),
    "xgboost in UBJSON": ("m.ubj", to_ubjson(XGBOOST)),
    "catboost": ("m.json", json.dumps(catboost_document([oblivious([number(0.5)], [1.0, 2.0])])).encode()),
    "catboost in its own file": ("m.cbm", b"CBM1\x00\x00"),
    "onnx": ("m.onnx", graphs.words_graph()),
    "torch-export": ("m.pt2", archive("m/archive_format", "m/models/model.json")),
    "keras": ("m.keras", archive("metadata.json", "config.json", "model.weights.h5")),
    "torch": ("m.pt", archive("m/data.pkl", "m/version")),
    "pickle": ("m.bin", pickle.dumps([1])),
}


@pytest.mark.promise("import.recognised")
@pytest.mark.parametrize("name", FILES)
def test_a_file_is_recognised_by_what_is_in_it(tmp_path: Path, name: str) -> None:
    file, content = FILES[name]
    (tmp_path / file).write_bytes(content)
    assert format_of(tmp_path / file).name == name.partition(" ")[0]
    others = [entry.name for entry in FORMATS if entry.name != name]
    assert format_of(tmp_path / file, others[0]).name == others[0]


@pytest.mark.promise("import.recognised")
def test_folders_strangers_and_nothing(tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"")
    assert format_of(tmp_path / "saved").name == "saved-model"
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ModelUnsupported) as refusal:
        format_of(tmp_path / "notes.txt")
    assert all(name in (refusal.value.hint or "") for name in NAMES)
    with pytest.raises(SourceUnreadable):
        format_of(tmp_path / "nothing")


@pytest.mark.promise("import.trust")
@pytest.mark.parametrize("name", ["torch", "pickle"])
def test_a_program_is_not_opened_unless_trusted(tmp_path: Path, name: str) -> None:
    file, content = FILES[name]
    (tmp_path / file).write_bytes(content)
    found = format_of(tmp_path / file)
    with pytest.raises(ModelUntrusted, match="runs whatever program is in it") as refusal:
        found.require(tmp_path / file, is_trusted=False)
    assert "--trust" in (refusal.value.hint or "")
    found.require(tmp_path / file, is_trusted=True)
