"""Whether a model file is what it seems: read as data, never run."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from recidiv_core.data import shown
from recidiv_core.errors import InputError

_MAX_NODES = 20_000
_MAX_ELEMENTS = 50_000_000
_MAX_DEPTH = 60
_MOST_FEATURES = 100_000
# Operations whose output is no larger than their inputs say. What makes data from nothing, loops or calls other graphs
# is not among them.
_OPERATIONS = {
    "": {
        "Abs",
        "Add",
        "And",
        "ArgMax",
        "Cast",
        "Clip",
        "Concat",
        "Div",
        "Equal",
        "Erf",
        "Exp",
        "Flatten",
        "Gather",
        "Gemm",
        "Greater",
        "GreaterOrEqual",
        "Identity",
        "IsNaN",
        "LeakyRelu",
        "Less",
        "LessOrEqual",
        "Log",
        "LogSoftmax",
        "MatMul",
        "Max",
        "Min",
        "Mul",
        "Neg",
        "Not",
        "Or",
        "Pow",
        "Reciprocal",
        "ReduceMax",
        "ReduceMean",
        "ReduceSum",
        "Relu",
        "Reshape",
        "Shape",
        "Sigmoid",
        "Sign",
        "Slice",
        "Softmax",
        "Split",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Sum",
        "Tanh",
        "TopK",
        "Transpose",
        "Unsqueeze",
        "Where",
        "Constant",
    },
    "ai.onnx.ml": {
        "ArrayFeatureExtractor",
        "Binarizer",
        "CastMap",
        "FeatureVectorizer",
        "Imputer",
        "LabelEncoder",
        "LinearClassifier",
        "LinearRegressor",
        "Normalizer",
        "OneHotEncoder",
        "Scaler",
        "SVMClassifier",
        "SVMRegressor",
        "TreeEnsembleClassifier",
        "TreeEnsembleRegressor",
        "TreeEnsemble",
        "ZipMap",
    },
}
_KINDS = {1: "float", 7: "int64", 8: "text", 11: "double"}


def sole(text: str) -> Any:
    """A JSON text as a value; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def check_xgboost_json(data: bytes, name: str) -> None:
    """Refuse a JSON file whose trees point outside themselves: XGBoost follows them without looking."""
    found = None
    try:
        found = json.loads(data)
        trees = found["learner"]["gradient_booster"]
        trees = trees.get("gbtree", trees)["model"].get("trees", [])
        n_features = int(found["learner"]["learner_model_param"]["num_feature"])
        whole = all(
            _is_tree(tree["left_children"], tree["right_children"], tree["split_indices"], n_features) for tree in trees
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError.one(
            shown(name), "an XGBoost model as JSON", "a damaged one" if found is None else "JSON of something else"
        ) from None
    if not whole:
        raise InputError.one(shown(name), "an XGBoost model as JSON", "trees that point outside themselves")


def _is_tree(left: Any, right: Any, feature: Any, n_features: int) -> bool:
    """Whether children come after their parents, inside the tree, and every split is on a feature that exists: no
    path is endless.
    """
    left, right, feature = (np.asarray(values, dtype=np.int64) for values in (left, right, feature))
    n = len(left)
    if not (len(right) == len(feature) == n) or n == 0:
        return False
    inner = left >= 0
    own = np.arange(n)[inner]
    children = np.concatenate([left[inner], right[inner]])
    return bool(
        (children < n).all()
        and (left[inner] > own).all()
        and (right[inner] > own).all()
        and (feature[inner] >= 0).all()
        and (feature[inner] < n_features).all()
    )


def check_trees(model: Any, name: str) -> None:
    """Refuse scikit-learn trees that point outside themselves: their compiled code follows them without looking."""
    for part in _parts(model, 0, set()):
        kind = type(part).__name__
        if kind == "Tree":
            whole = _is_tree(part.children_left, part.children_right, part.feature, part.n_features)
        elif kind == "TreePredictor":
            nodes = part.nodes
            inner = ~nodes["is_leaf"].astype(bool)
            left = np.where(inner, nodes["left"].astype(np.int64), -1)
            whole = _is_tree(
                left, nodes["right"].astype(np.int64), nodes["feature_idx"].astype(np.int64), _MOST_FEATURES
            )
        else:
            continue
        if not whole:
            raise InputError.one(shown(name), "a model whose trees are whole", "trees that point outside themselves")


def _parts(value: Any, depth: int, seen: set[int]):
    """Everything that a model holds, itself included."""
    if depth > _MAX_DEPTH or id(value) in seen or isinstance(value, (str, bytes, int, float, bool, type(None))):
        return
    seen.add(id(value))
    yield value
    if isinstance(value, dict):
        inside = list(value.values())
    elif isinstance(value, (list, tuple, set)):
        inside = list(value)
    elif isinstance(value, np.ndarray):
        inside = list(value.ravel()) if value.dtype == object else []
    else:
        inside = list(vars(value).values()) if hasattr(value, "__dict__") else []
        if hasattr(value, "tree_"):
            inside.append(value.tree_)
    for one in inside:
        yield from _parts(one, depth + 1, seen)


def check_onnx(data: bytes, name: str) -> tuple[list[tuple[str, str, int | None]], list[str], dict[str, str]]:
    """Inputs (name, kind, columns), outputs and metadata of an ONNX model, after everything in it was looked at.

    Raises
    ------
    InputError
        For data outside the file, operations that are not on the list, functions and graphs of its own, tensors that
        say they are larger than they are, and anything too large.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_from_string(data)
        graph = model.graph
    except (DecodeError, ValueError):
        raise InputError.one(shown(name), "an ONNX model", "a damaged file") from None

    def refuse(expected: str, found: str) -> None:
        raise InputError.one(shown(name), expected, found)

    if not graph.node or not graph.input or not graph.output:
        refuse("an ONNX model", "one without inputs, operations or outputs")
    if len(model.functions) or len(graph.sparse_initializer) or len(model.training_info):
        refuse("plain operations only", "functions, sparse tensors or training of its own")
    if len(graph.node) > _MAX_NODES:
        refuse(f"at most {_MAX_NODES:,} operations", f"{len(graph.node):,}")
    tensors = list(graph.initializer)
    for node in graph.node:
        if node.op_type not in _OPERATIONS.get("" if node.domain == "ai.onnx" else node.domain, set()):
            refuse(
                "operations for scoring tables",
                f"the operation {shown(node.op_type, 40)} of {shown(node.domain or 'ai.onnx', 40)}",
            )
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs:
                refuse("plain operations only", "graphs within the graph")
            tensors += [attribute.t] if attribute.HasField("t") else []
            tensors += list(attribute.tensors)
    for tensor in tensors:
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            refuse("a model that is whole in itself", "one with data outside the file")
        if not _is_whole(tensor):
            refuse("tensors as large as they say", "one that says it is larger or smaller than it is")
    for value in (*graph.input, *graph.output, *graph.value_info):
        size = (
            np.prod([float(d.dim_value or 1) for d in value.type.tensor_type.shape.dim])
            if value.type.HasField("tensor_type")
            else 1
        )
        if size > _MAX_ELEMENTS:
            refuse(f"tensors of at most {_MAX_ELEMENTS:,} numbers", f"one of {size:,.0f}")
    return _inputs(graph, name), [value.name for value in graph.output], {p.key: p.value for p in model.metadata_props}


def _is_whole(tensor: Any) -> bool:
    """Whether a tensor holds exactly as many numbers as its shape says."""
    import onnx

    if any(size < 0 for size in tensor.dims):
        return False
    n = 1
    for size in tensor.dims:
        n *= int(size)
    if n > _MAX_ELEMENTS:
        return False
    if tensor.data_type == onnx.TensorProto.STRING:
        return len(tensor.string_data) == n
    if tensor.raw_data:
        try:
            width = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        except (KeyError, TypeError):
            return False
        return len(tensor.raw_data) == n * width
    held = max(
        len(getattr(tensor, f)) for f in ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")
    )
    return held == n


def _inputs(graph: Any, name: str) -> list[tuple[str, str, int | None]]:
    stored = {tensor.name for tensor in graph.initializer}
    found = []
    for value in graph.input:
        if value.name in stored:
            continue
        kind = value.type.tensor_type
        shape = [d.dim_value or None for d in kind.shape.dim]
        if kind.elem_type not in _KINDS or not 1 <= len(shape) <= 2:
            raise InputError.one(
                shown(name), "inputs of numbers or texts, a row for each person", f"the input {shown(value.name, 40)}"
            )
        found.append((value.name, _KINDS[kind.elem_type], shape[1] if len(shape) == 2 else 1))
    return found
