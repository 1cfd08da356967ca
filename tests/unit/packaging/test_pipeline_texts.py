"""TF-IDF in imported pipelines: words count as they do in scikit-learn, or the step is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import polars as pl
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, StandardScaler

from mlwright.errors import ModelUnsupported
from mlwright.packaging.importing import OpeningOptions, import_fitted, open_model
from mlwright.packaging.model_format import format_of
from mlwright.packaging.package import publish_package

WORDS = r"(?u)[^\W_]+"
RNG = np.random.default_rng(6)
GOOD = ["fits well", "lovely", "soft", "not bad", "très joli"]
BAD = ["runs small", "rough", "broke", "not good", "size_7 too small"]
LABELS = RNG.random(400) < 0.5
TEXTS = [
    f"{RNG.choice(['I', 'My sister'])} {RNG.choice(GOOD if label else BAD)}, {RNG.choice(GOOD + BAD)}!"
    for label in LABELS
]
FRAME = pl.DataFrame(
    {"review": TEXTS, "stars": RNG.integers(1, 6, 400).astype(float), "shop": RNG.choice(["a", "b"], 400)}
)


def vectorizer(**settings: Any) -> TfidfVectorizer:
    return TfidfVectorizer(**{"token_pattern": WORDS, **settings})


def mixed(last: Any, *before: Any) -> Any:
    columns = ColumnTransformer(
        [
            ("review", vectorizer(ngram_range=(1, 2)), "review"),
            ("stars", StandardScaler(), ["stars"]),
            ("shop", OneHotEncoder(handle_unknown="ignore"), ["shop"]),
        ]
    )
    return make_pipeline(columns, *before, last)


EXACT: dict[str, Any] = {
    "texts alone": make_pipeline(vectorizer(), LogisticRegression()),
    "pairs of words, without idf": make_pipeline(
        vectorizer(ngram_range=(1, 2), use_idf=False, min_df=3), LogisticRegression()
    ),
    "left out words": make_pipeline(vectorizer(stop_words="english"), LogisticRegression()),
    "beside other columns": mixed(LogisticRegression()),
    "scaled": mixed(LogisticRegression(), MaxAbsScaler()),
    "the best of them": mixed(LogisticRegression(), SelectKBest(k=12)),
    "trees": mixed(RandomForestClassifier(20, random_state=1)),
    "scaled trees": mixed(ExtraTreesRegressor(10, random_state=1, max_depth=6), MaxAbsScaler()),
    "calibrated": CalibratedClassifierCV(make_pipeline(vectorizer(), LogisticRegression()), cv=2),
}


def imported(fitted: Any, folder: Path, rows: pl.DataFrame | None = None) -> Any:
    found = import_fitted(fitted, "texts", rows=rows)
    return found, found.check(folder / publish_package(folder, found.content))


@pytest.mark.promise("import.words")
@pytest.mark.parametrize("case", EXACT)
def test_a_package_reads_words_as_the_pipeline_does(tmp_path: Path, case: str) -> None:
    fitted = EXACT[case]
    is_alone = case in ("texts alone", "pairs of words, without idf", "left out words", "calibrated")
    fitted.fit(TEXTS if is_alone else FRAME, LABELS)
    rows = pl.DataFrame({"text": TEXTS}) if is_alone else FRAME
    found, report = imported(fitted, tmp_path, rows)
    assert report.rows >= 10_400
    assert report.largest_difference < 1e-12
    names = [column["name"] for column in found.content.signature.inputs]
    wanted = ["review"] if case == "the best of them" else ["review", "stars", "shop"]
    assert names == (["text"] if is_alone else wanted)
    assert not found.content.signature.inputs[0]["nullable"]


@pytest.mark.promise("import.words")
def test_texts_may_be_missing_where_the_pipeline_fills_them(tmp_path: Path) -> None:
    filled = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="", missing_values=None),
        ColumnTransformer([("words", vectorizer(), 0)]),
        Ridge(),
    )
    rows = np.array([[text] if place % 7 else [None] for place, text in enumerate(TEXTS)], dtype=object)
    found, report = imported(filled.fit(rows, LABELS), tmp_path)
    assert found.content.signature.inputs[0]["nullable"]
    assert report.largest_difference < 1e-12


@pytest.mark.promise("import.words", "import.real-rows")
def test_a_pickled_pipeline_is_asked_the_texts_of_a_table(tmp_path: Path) -> None:
    """Texts cross to the process that holds the pipeline, and each is asked as it is."""
    joblib.dump(mixed(LogisticRegression()).fit(FRAME, LABELS), tmp_path / "model.joblib")
    path = tmp_path / "model.joblib"
    given = OpeningOptions(is_trusted=True, rows=FRAME)
    with open_model(path, format_of(path), "texts", given) as found:
        report = found.check(tmp_path / publish_package(tmp_path, found.content))
    assert report.rows >= 10_400
    assert report.largest_difference < 1e-12


REFUSED: dict[str, tuple[Any, str]] = {
    "words of two letters and more": (TfidfVectorizer(), "TfidfVectorizer takes .* for words"),
    "letters": (TfidfVectorizer(analyzer="char"), "TfidfVectorizer takes texts apart"),
    "code": (
        vectorizer(tokenizer=str.split, token_pattern=None),
        "TfidfVectorizer takes texts apart by code",
    ),
    "accents": (vectorizer(strip_accents="unicode"), "strips accents"),
    "capitals": (vectorizer(lowercase=False), "capital letters"),
    "pairs only": (vectorizer(ngram_range=(2, 2)), "terms of 2 to 2 words"),
    "gaps": (vectorizer(ngram_range=(1, 2), stop_words=["my"]), "leaves words out"),
    "length": (vectorizer(norm=None), "the norm None"),
    "logarithms": (vectorizer(sublinear_tf=True), "counts words otherwise"),
    "counts": (CountVectorizer(), "CountVectorizer counts words"),
    "hashes": (HashingVectorizer(n_features=64), "HashingVectorizer"),
    "directions": (make_pipeline(vectorizer(), TruncatedSVD(3)), "TruncatedSVD"),
}


@pytest.mark.promise("import.words", "import.refused")
@pytest.mark.parametrize("case", REFUSED)
def test_what_reads_words_otherwise_is_refused_by_its_name(case: str) -> None:
    step, message = REFUSED[case]
    columns = ColumnTransformer([("review", step, "review"), ("stars", "passthrough", ["stars"])])
    fitted = make_pipeline(columns, LogisticRegression()).fit(FRAME, LABELS)
    with pytest.raises(ModelUnsupported, match=message) as caught:
        import_fitted(fitted, "texts")
    assert caught.value.hint
