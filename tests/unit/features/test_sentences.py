"""Sentences against scikit-learn's TF-IDF and ridge regression, and their scores on training rows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from mlwright.data import Column
from mlwright.features import (
    FittedTransform,
    TrainingRows,
    apply_transform,
    fit_linear_transform,
    fit_tree_transform,
    merge_documents,
    output_names,
)
from mlwright.features.sentences import FEWEST_TEXTS, LONGEST, PENALTY
from mlwright.project import Task

ROWS = 2_000
SAID = [Column("said", "string")]
WORDS = [f"word{number}" for number in range(300)]


def sentences(seed: int, rows: int = ROWS) -> tuple[pl.DataFrame, np.ndarray]:
    """Texts in which "good" and "not good" tell the label, among words by a power law."""
    rng = np.random.default_rng(seed)
    shares = 1 / np.arange(1, len(WORDS) + 1)
    y = (rng.random(rows) < 0.4).astype(float)
    texts = []
    for label in y:
        words = rng.choice(WORDS, rng.integers(5, 25), p=shares / shares.sum()).tolist()
        if rng.random() < 0.6:
            told = "good" if (label == 1) == (rng.random() < 0.9) else "not good"
            words.insert(int(rng.integers(len(words))), told)
        texts.append(", ".join(words).upper() + "!")
    return pl.DataFrame({"said": texts}), y


def trees(frame: pl.DataFrame, y: np.ndarray, task: Task = "binary") -> FittedTransform:
    return fit_tree_transform(TrainingRows(frame, y, task, seed=7), SAID)


@pytest.mark.promise("features.sentences")
def test_terms_and_weights_are_those_of_an_independent_implementation() -> None:
    frame, y = sentences(1)
    document = trees(frame, y).document
    text, texts = document["texts"][0], frame["said"].to_list()
    assert set(text) == {
        "name",
        "column",
        "ngrams",
        "terms",
        "idf",
    }  # nothing that an older core does not read
    reader = TfidfVectorizer(token_pattern="[a-z0-9]+", ngram_range=(1, LONGEST), min_df=FEWEST_TEXTS)
    values = reader.fit_transform(texts)
    assert text["terms"] == sorted(reader.get_feature_names_out(), key=str.encode)
    places = [reader.vocabulary_[term] for term in text["terms"]]
    assert np.allclose(text["idf"], reader.idf_[places], rtol=1e-14)
    score = document["outputs"][0]
    assert score["op"] == "text"
    ridge = Ridge(alpha=PENALTY, fit_intercept=False, tol=1e-10).fit(values[:, places], y - y.mean())
    assert np.allclose(score["weights"], ridge.coef_, atol=2e-3 * np.abs(ridge.coef_).max())
    found = apply_transform(document, frame, SAID)
    wanted = values[:, places] @ np.array(score["weights"]) + score["default"]
    assert np.allclose(found[:, 0], wanted, atol=1e-13)
    for place, output in enumerate(document["outputs"][1:], 1):
        assert output["op"] == "term"
        term = values[:, [reader.vocabulary_[output["term"]]]].toarray()[:, 0]
        assert np.allclose(found[:, place], term, atol=1e-14)


def test_the_terms_that_tell_most_are_read_one_by_one() -> None:
    names = output_names(trees(*sentences(1)).document)
    assert names[0] == "said~text"
    assert {"said:good", "said:not good"} <= set(names)
    assert len(names) == 65


@pytest.mark.promise("features.sentences")
def test_scores_of_training_rows_do_not_know_their_label() -> None:
    frame, _ = sentences(2)
    noise = (np.random.default_rng(3).random(ROWS) < 0.4).astype(float)
    fitted = trees(frame, noise)
    honest = fitted.training_matrix(frame, SAID)[:, 0]
    naive = apply_transform(fitted.document, frame, SAID)[:, 0]
    assert abs(np.corrcoef(honest, noise)[0, 1]) < 0.08
    assert np.corrcoef(naive, noise)[0, 1] > 0.4


def test_scores_tell_of_new_rows_what_they_told_of_training_rows() -> None:
    frame, y = sentences(4)
    fresh, wanted = sentences(5)
    fitted = trees(frame, y)
    honest = roc_auc_score(y, fitted.training_matrix(frame, SAID)[:, 0])
    future = roc_auc_score(wanted, apply_transform(fitted.document, fresh, SAID)[:, 0])
    assert future > 0.7
    assert abs(honest - future) < 0.04


def test_rows_without_a_text_and_repeated_texts_are_read() -> None:
    frame, y = sentences(6)
    frame = pl.concat([frame, frame.head(500), pl.DataFrame({"said": [None] * 100})])
    y = np.r_[y, y[:500], np.ones(100)]
    fitted = trees(frame, y)
    honest = fitted.training_matrix(frame, SAID)
    assert np.isfinite(honest).all()
    assert np.array_equal(honest[:500], honest[ROWS : ROWS + 500])
    assert len(set(honest[-100:, 0])) == 1
    assert (honest[-100:, 1:] == 0).all()


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_each_target_has_a_score(task: Task) -> None:
    frame, y = sentences(7)
    y = y + (np.arange(ROWS) % 2 if task == "multiclass" else 10.0)
    fitted = trees(frame, y, task)
    names = [name for name in output_names(fitted.document) if "~" in name]
    assert names == (["said~text0", "said~text1", "said~text2"] if task == "multiclass" else ["said~text"])
    scores = fitted.training_matrix(frame, SAID)[:, : len(names)]
    wanted = np.array([(y == k).mean() for k in range(3)]) if task == "multiclass" else y.mean()
    assert np.allclose(scores.mean(axis=0), wanted, atol=0.02)


def test_a_linear_model_reads_a_scaled_score() -> None:
    frame, y = sentences(8)
    fitted = fit_linear_transform(TrainingRows(frame, y, "binary", seed=7), SAID)
    assert output_names(fitted.document) == ["said~text|scaled"]
    score = fitted.training_matrix(frame, SAID)[:, 0]
    assert abs(score.mean()) < 1e-9
    assert abs(score.std() - 1) < 1e-9


def test_documents_with_other_terms_of_one_column_are_put_together() -> None:
    (frame, y), (other, z) = sentences(9), sentences(10)
    documents = [trees(frame, y).document, trees(other, z).document, trees(frame, y).document]
    merged, places = merge_documents(documents)
    assert [text["name"] for text in merged["texts"]] == ["said", "said#2"]
    assert places[0] == places[2] != places[1]
    together = apply_transform(merged, frame, SAID)
    for document, own in zip(documents, places, strict=True):
        assert np.array_equal(together[:, own], apply_transform(document, frame, SAID))


def test_sentences_of_which_no_word_comes_again_are_levels() -> None:
    frame = pl.DataFrame({"said": [" ".join(f"w{k}x{j}" for j in range(6)) for k in range(300)]})
    document = trees(frame, np.arange(300) % 2.0).document
    assert "texts" not in document
    assert document["outputs"][0]["op"] == "target"
