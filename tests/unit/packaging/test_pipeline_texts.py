"""Vectorizers in imported pipelines: words count as in scikit-learn, or the step is refused by name."""

from __future__ import annotations

import warnings
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
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, StandardScaler

from mlwright.errors import ModelUnsupported
from mlwright.packaging.importing import OpeningOptions, import_fitted, open_model
from mlwright.packaging.model_format import format_of
from mlwright.packaging.package import publish_package

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


def mixed(last: Any, *before: Any) -> Any:
    columns = ColumnTransformer(
        [
            ("review", TfidfVectorizer(ngram_range=(1, 2)), "review"),
            ("stars", StandardScaler(), ["stars"]),
            ("shop", OneHotEncoder(handle_unknown="ignore"), ["shop"]),
        ]
    )
    return make_pipeline(columns, *before, last)


ALONE: dict[str, Any] = {
    "as it is": TfidfVectorizer(),
    "words of one letter": TfidfVectorizer(token_pattern=r"(?u)\b\w+\b"),
    "letters and digits": TfidfVectorizer(token_pattern=r"[^\W_]+"),
    "longer words": TfidfVectorizer(token_pattern=r"\w{3,}"),
    "pairs of words, without idf": TfidfVectorizer(ngram_range=(1, 2), use_idf=False, min_df=3),
    "pairs only": TfidfVectorizer(ngram_range=(2, 2)),
    "pairs only of the given": TfidfVectorizer(
        ngram_range=(2, 2), vocabulary=["soft", "fits well", "not bad"]
    ),
    "words left out": TfidfVectorizer(stop_words="english"),
    "pairs over words left out": TfidfVectorizer(stop_words=["my", "too"], ngram_range=(1, 3)),
    "words left out of the given": TfidfVectorizer(stop_words=["soft"], vocabulary=["soft", "rough", "fits"]),
    "capitals": TfidfVectorizer(lowercase=False, stop_words=["My", "well"], ngram_range=(1, 2)),
    "sum 1": TfidfVectorizer(norm="l1"),
    "no length": TfidfVectorizer(norm=None),
    "logarithms": TfidfVectorizer(sublinear_tf=True),
    "there or not": TfidfVectorizer(binary=True, sublinear_tf=True),
    "counts": CountVectorizer(),
    "counted once": CountVectorizer(binary=True, ngram_range=(1, 2)),
    "counts, weighed": make_pipeline(CountVectorizer(), TfidfTransformer()),
    "counted once, weighed": make_pipeline(CountVectorizer(binary=True), TfidfTransformer(sublinear_tf=True)),
    "the best counts, weighed": make_pipeline(
        CountVectorizer(ngram_range=(1, 2)), SelectKBest(k=9), TfidfTransformer(norm="l1", sublinear_tf=True)
    ),
}
EXACT: dict[str, Any] = {
    "beside other columns": mixed(LogisticRegression()),
    "scaled": mixed(LogisticRegression(), MaxAbsScaler()),
    "the best of them": mixed(LogisticRegression(), SelectKBest(k=12)),
    "trees": mixed(RandomForestClassifier(20, random_state=1)),
    "scaled trees": mixed(ExtraTreesRegressor(10, random_state=1, max_depth=6), MaxAbsScaler()),
}
OF_TEXTS: dict[str, Any] = {
    **{name: make_pipeline(step, LogisticRegression()) for name, step in ALONE.items()},
    "trees of counts": make_pipeline(CountVectorizer(), RandomForestClassifier(20, random_state=1)),
    "naive Bayes": make_pipeline(CountVectorizer(), TfidfTransformer(), MultinomialNB()),
    "naive Bayes of the other classes": make_pipeline(CountVectorizer(), ComplementNB(norm=True)),
    "calibrated": CalibratedClassifierCV(make_pipeline(TfidfVectorizer(), LogisticRegression()), cv=2),
    "two at once": make_pipeline(
        FeatureUnion(
            [("counts", CountVectorizer(binary=True)), ("pairs", TfidfVectorizer(ngram_range=(2, 2)))]
        ),
        LogisticRegression(),
    ),
}


def imported(fitted: Any, folder: Path, rows: pl.DataFrame | None = None) -> Any:
    found = import_fitted(fitted, "texts", rows=rows)
    return found, found.check(folder / publish_package(folder, found.content))


@pytest.mark.promise("import.words")
@pytest.mark.parametrize("case", OF_TEXTS)
def test_a_package_reads_texts_as_the_pipeline_does(tmp_path: Path, case: str) -> None:
    found, report = imported(OF_TEXTS[case].fit(TEXTS, LABELS), tmp_path, pl.DataFrame({"text": TEXTS}))
    assert report.rows >= 10_400
    assert report.largest_difference < 1e-12
    [column] = found.content.signature.inputs
    assert (column["name"], column["nullable"]) == ("text", False)


@pytest.mark.promise("import.words")
@pytest.mark.parametrize("last", [MultinomialNB(alpha=0.1), MultinomialNB(fit_prior=False), ComplementNB()])
def test_naive_bayes_tells_more_than_two_classes_as_it_does_itself(tmp_path: Path, last: Any) -> None:
    grades = FRAME["stars"].cast(pl.Int64).to_list()
    fitted = make_pipeline(TfidfVectorizer(), last).fit(TEXTS, grades)
    _, report = imported(fitted, tmp_path, pl.DataFrame({"text": TEXTS}))
    assert report.rows >= 10_400
    assert report.largest_difference < 1e-12


@pytest.mark.promise("import.words")
@pytest.mark.parametrize("case", EXACT)
def test_a_package_reads_texts_beside_other_columns(tmp_path: Path, case: str) -> None:
    found, report = imported(EXACT[case].fit(FRAME, LABELS), tmp_path, FRAME)
    assert report.rows >= 10_400
    assert report.largest_difference < 1e-12
    names = [column["name"] for column in found.content.signature.inputs]
    assert names == (["review"] if case == "the best of them" else ["review", "stars", "shop"])
    assert not found.content.signature.inputs[0]["nullable"]


@pytest.mark.promise("import.words")
def test_texts_may_be_missing_where_the_pipeline_fills_them(tmp_path: Path) -> None:
    filled = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="", missing_values=None),
        ColumnTransformer([("words", TfidfVectorizer(), 0)]),
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
    "other words": (TfidfVectorizer(token_pattern=r"\S+"), r"TfidfVectorizer takes .* for words"),
    "letters": (TfidfVectorizer(analyzer="char"), "TfidfVectorizer takes texts apart"),
    "code": (
        CountVectorizer(tokenizer=str.split, token_pattern=None),
        "CountVectorizer takes texts apart by code",
    ),
    "accents": (TfidfVectorizer(strip_accents="unicode"), "strips accents"),
    "four words": (TfidfVectorizer(ngram_range=(1, 4)), "terms of 1 to 4 words"),
    "few numbers": (CountVectorizer(dtype=np.uint8), "counts in uint8"),
    "hashes": (HashingVectorizer(n_features=64), "HashingVectorizer keeps hashes"),
    "directions": (make_pipeline(TfidfVectorizer(), TruncatedSVD(3)), "TruncatedSVD"),
    "weighed twice": (make_pipeline(TfidfVectorizer(), TfidfTransformer()), "TfidfTransformer weighs other"),
    "weighed together": (
        make_pipeline(
            FeatureUnion([("a", CountVectorizer()), ("b", CountVectorizer(binary=True))]), TfidfTransformer()
        ),
        "words that one CountVectorizer counts",
    ),
    "scaled, weighed": (
        make_pipeline(CountVectorizer(), MaxAbsScaler(), TfidfTransformer()),
        "TfidfTransformer weighs other",
    ),
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


@pytest.mark.promise("import.refused")
@pytest.mark.parametrize(
    ("last", "message"),
    [
        (BernoulliNB(), "BernoulliNB"),
        (MultinomialNB(alpha=0.0, force_alpha=True), "MultinomialNB takes words for impossible"),
    ],
)
def test_other_naive_bayes_is_refused(last: Any, message: str) -> None:
    with warnings.catch_warnings(), np.errstate(divide="ignore"):
        warnings.simplefilter("ignore", UserWarning)  # of alpha 0
        fitted = make_pipeline(CountVectorizer(), last).fit([*TEXTS, "only"], [*LABELS, True])
    with pytest.raises(ModelUnsupported, match=message) as caught:
        import_fitted(fitted, "texts")
    assert caught.value.hint


@pytest.mark.promise("import.refused")
def test_hashes_of_texts_alone_are_refused_too() -> None:
    fitted = make_pipeline(HashingVectorizer(n_features=64), LogisticRegression()).fit(TEXTS, LABELS)
    with pytest.raises(ModelUnsupported, match="keeps hashes") as caught:
        import_fitted(fitted, "texts")
    assert "CountVectorizer" in caught.value.hint


@pytest.mark.promise("import.words", "import.refused")
def test_what_is_filled_in_for_a_missing_text_has_no_words() -> None:
    rows = np.array([[text] if place % 7 else [None] for place, text in enumerate(TEXTS)], dtype=object)
    for fill, is_read in (("x", True), ("?!", True), ("__", False), ("nothing", False)):
        filled = make_pipeline(
            SimpleImputer(strategy="constant", fill_value=fill, missing_values=None),
            ColumnTransformer([("words", TfidfVectorizer(), 0)]),
            Ridge(),
        ).fit(rows, LABELS)
        if is_read:
            assert import_fitted(filled, "texts").content.signature.inputs[0]["nullable"]
        else:
            with pytest.raises(ModelUnsupported, match="stands for missing ones"):
                import_fitted(filled, "texts")
