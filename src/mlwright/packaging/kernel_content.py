"""What a package of an imported model takes and gives: named columns, or a tensor if there are no names."""

from __future__ import annotations

from mlwright.features import OutputEntry, TransformDocument, make_document
from mlwright.packaging.kernel_model import KernelModel
from mlwright.packaging.package import JsonObject, PackageContent, Signature, column_outputs


def kernel_content(model: KernelModel, name: str, source: str) -> PackageContent:
    """Give the content of a package; `source` says in its card what wrote the model."""
    return PackageContent(
        name=name,
        task=model.task,
        engine=model.engine,
        model=model.data,
        signature=_signature(model),
        documents=_documents(model) if model.is_named else {},
        card=f"# {name}\n\nImported from {source} of {len(model.columns)} features.\n",
        provenance={"run": None, "data": [], "libraries": {}, "seed": None},
    )


def default_classes(task: str, outputs: int) -> tuple[object, ...]:
    """Give the classes of a model that does not name them: 0, 1, … (none for a regression)."""
    if task == "regression":
        return ()
    return (0, 1) if task == "binary" else tuple(range(outputs))


def _signature(model: KernelModel) -> Signature:
    classes = default_classes(model.task, model.outputs) if model.classes is None else model.classes
    return Signature(
        kind="columns" if model.is_named else "tensor",
        inputs=_inputs(model),
        outputs=column_outputs(model.task, classes) if model.is_named else (_tensor(len(classes)),),
        classes=classes,
        positive=classes[1] if model.task == "binary" else None,
        threshold=model.threshold if model.task == "binary" else None,
    )


def _inputs(model: KernelModel) -> tuple[JsonObject, ...]:
    if not model.is_named:
        return ({"name": "input", "datatype": "FP64", "shape": [-1, len(model.columns)]},)
    return tuple(
        {"name": column.name, "type": column.type, "nullable": column.nullable} for column in model.columns
    )


def _tensor(classes: int) -> JsonObject:
    if classes:
        return {"name": "probabilities", "datatype": "FP64", "shape": [-1, classes]}
    return {"name": "prediction", "datatype": "FP64", "shape": [-1, 1]}


def _documents(model: KernelModel) -> dict[str, JsonObject]:
    return {
        "transform.json": {**(model.transform or plain_transform(model))},
        "contract.json": {
            "format": 1,
            "columns": [_contract(model, place) for place in range(len(model.columns))],
        },
    }


def plain_transform(model: KernelModel) -> TransformDocument:
    """Give the transform of a model whose features are its columns."""
    outputs: list[OutputEntry] = [
        {"name": column.name, "op": "level", "column": column.name, "levels": list(model.levels[place])}
        if place in model.levels
        else {"name": column.name, "op": "number", "column": column.name}
        for place, column in enumerate(model.columns)
    ]
    return make_document(list(model.columns), outputs)


def _contract(model: KernelModel, place: int) -> JsonObject:
    column = model.columns[place]
    entry: JsonObject = {"name": column.name, "type": column.type, "nullable": column.nullable}
    if place in model.closed:
        entry |= {"levels": list(model.levels[place]), "closed": True}
    return entry
