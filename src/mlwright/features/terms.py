"""Fit what networks read of sentences: terms one by one, beside the scaled numbers of all other columns."""

from __future__ import annotations

from mlwright.data import Column
from mlwright.features.fitted import FittedTransform, Output, TrainingRows, put_together
from mlwright.features.sentences import learn_all
from mlwright.features.transform import fit_linear_transform


def fit_terms_transform(rows: TrainingRows, inputs: list[Column], most: int) -> FittedTransform:
    """Give at most that many terms, those that tell most of the target, after what a linear model reads."""
    sentences = learn_all(inputs, rows)
    others = [column for column in inputs if column.name not in sentences]
    fitted = fit_linear_transform(rows, others)
    outputs = [
        Output(entry, fitted.honest.get(place)) for place, entry in enumerate(fitted.document["outputs"])
    ]
    for learned in sentences.values():
        outputs += learned.term_outputs(most // len(sentences))
    texts = [learned.entry for learned in sentences.values()]
    return put_together(inputs, outputs, texts, rounding=rows.rounding)
