"""Models from files: what is trusted is scored, and nothing in the others runs."""

import io
import json
import os
import pickle
import zipfile
from itertools import pairwise

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from onnx import TensorProto, helper
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from recidiv_core import audit_groups
from recidiv_core.data import Roles, read_table
from recidiv_core.errors import InputError
from recidiv_core.models import load_model, train_model
from recidiv_core.models.loading import READERS, kind_of
from tests.models.conftest import dataset_of, planted


class Payload:
    """What a hostile pickle does: write a file when it is opened."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (exec, (f"open({self.path!r}, 'w').write('ran')",))


@pytest.fixture(scope="module")
def trained(dataset):
    return train_model(dataset, algorithm="random_forest", unaware=True, n_iter=0)


def numbers():
    frame = planted().dropna()
    return frame[["age", "priors", "noise"]], frame["y"]


def zipped(schema, **members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", schema if isinstance(schema, str) else json.dumps(schema))
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def onnx_model(
    nodes, *, initializers=(), width=3, outputs=1, domains=("", "ai.onnx.ml"), names=("age", "priors", "noise")
):
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [None, outputs])],
        list(initializers),
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(d, {"": 17, "ai.onnx.ml": 3}.get(d, 1)) for d in domains],
        ir_version=8,
    )
    if names:
        helper.set_model_props(model, {"feature_names": json.dumps(list(names))})
    return model


def logistic_onnx(coefficients, intercept):
    weights = helper.make_tensor("w", TensorProto.FLOAT, [len(coefficients), 1], np.array(coefficients, np.float32))
    bias = helper.make_tensor("b", TensorProto.FLOAT, [1], np.array([intercept], np.float32))
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("Add", ["m", "b"], ["s"]),
        helper.make_node("Sigmoid", ["s"], ["out"]),
    ]
    return onnx_model(nodes, initializers=[weights, bias])


def test_a_model_trained_here_comes_back_with_its_card(trained, dataset, tmp_path):
    trained.save(tmp_path / "model.skops")
    back = load_model(tmp_path / "model.skops")
    assert np.array_equal(back.predict_score(dataset.frame), trained.predict_score(dataset.frame))
    assert back.card["data"]["digest"] == dataset.digest and back.card["random_state"] == 0
    assert (
        [f["name"] for f in back.card["features"]]
        == ["age", "priors", "district", "noise"]
        == [f.name for f in back.features]
    )
    assert 0.6 < back.card["held_out"]["low"] < back.card["held_out"]["auc"] < back.card["held_out"]["high"] < 0.9
    assert skops.io.load(tmp_path / "model.skops", trusted=["numpy.dtype", "sklearn.tree._tree.Tree"])[
        "pipeline"
    ].classes_.tolist() == [0, 1]


def test_its_metrics_are_those_of_people_it_has_not_seen(trained, dataset):
    from sklearn.metrics import roc_auc_score

    score = trained.predict_score(dataset.frame[trained.held_out])
    assert trained.card["held_out"]["auc"] == pytest.approx(roc_auc_score(dataset.y_true[trained.held_out], score))
    assert trained.held_out.sum() == round(0.3 * len(dataset))


def test_its_score_is_audited(trained):
    frame = planted(seed=9)
    scored = trained.scored(read_table(frame), Roles("y", sensitive=("group",)))
    audit = audit_groups(scored, threshold=0.5)
    assert audit.roles.score == "model score" and audit.n_flagged == (scored.y_score >= 0.5).sum() > 0


def test_every_mismatch_is_named(trained):
    frame = (
        planted(200)
        .drop(columns="noise")
        .assign(age="old", district=lambda f: np.where(f.index == 3, "West", f["district"]))
    )
    problems, notes = trained.match(frame)
    assert [str(p).split(":")[0] for p in problems] == ["column 'age'", "column 'noise'"]
    assert notes[0].startswith("'district': 1 values that the model has not seen")
    with pytest.raises(InputError, match="no such column"):
        trained.predict_score(frame)
    renamed = load_model(trained.to_bytes(), columns={"noise": "chatter"})
    good = planted(50)
    got = renamed.predict_score(good.rename(columns={"noise": "chatter"}))
    assert np.array_equal(got, trained.predict_score(good))
    with pytest.raises(InputError, match="names among"):
        load_model(trained.to_bytes(), columns={"nothing": "x"})


def test_a_plain_scikit_learn_model_a_booster_and_a_graph_are_scored():
    X, y = numbers()
    logistic = LogisticRegression(max_iter=1000).fit(X, y)
    assert np.allclose(load_model(skops.io.dumps(logistic)).predict_score(X), logistic.predict_proba(X)[:, 1])
    booster = XGBClassifier(n_estimators=5, max_depth=3, n_jobs=1).fit(X, y)
    for form in ("json", "ubj"):
        model = load_model(bytes(booster.get_booster().save_raw(form)), name=f"model.{form}")
        assert np.allclose(model.predict_score(X), booster.predict_proba(X)[:, 1], atol=1e-6)
        assert [f.name for f in model.features] == ["age", "priors", "noise"]
    graph = logistic_onnx(logistic.coef_[0], logistic.intercept_[0]).SerializeToString()
    model = load_model(graph, name="model.onnx")
    assert [f.name for f in model.features] == ["age", "priors", "noise"]
    assert np.allclose(model.predict_score(X), logistic.predict_proba(X)[:, 1], atol=1e-5)


def external(path):
    model = logistic_onnx([1, 2, 3], 0)
    own = model.graph.initializer[0]
    own.ClearField("float_data")
    own.ClearField("raw_data")
    own.data_location = TensorProto.EXTERNAL
    own.external_data.add(key="location", value=str(path))
    return model.SerializeToString()


def enormous(path):
    model = logistic_onnx([1, 2, 3], 0)
    model.graph.initializer[0].dims[:] = [50_000, 50_000]
    return model.SerializeToString()


def from_nothing(path):
    shape = helper.make_tensor("n", TensorProto.INT64, [2], [100_000, 100_000])
    return onnx_model([helper.make_node("ConstantOfShape", ["n"], ["out"])], initializers=[shape]).SerializeToString()


def doubling(path):
    names = ["x", *(f"d{i}" for i in range(40)), "out"]
    nodes = [helper.make_node("Concat", [a, a], [b], axis=1) for a, b in pairwise(names)]
    return onnx_model(nodes).SerializeToString()


def wide_input(path):
    return onnx_model([helper.make_node("Identity", ["x"], ["out"])], width=10**9, names=()).SerializeToString()


def own_operation(path):
    return onnx_model(
        [helper.make_node("Evil", ["x"], ["out"], domain="evil")], domains=("", "evil")
    ).SerializeToString()


def graph_in_graph(path):
    inner = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "g",
        [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    node = helper.make_node("Identity", ["x"], ["out"])
    node.attribute.append(helper.make_attribute("body", inner))
    return onnx_model([node]).SerializeToString()


def untrusted(path):
    return skops.io.dumps(Pipeline([("run", FunctionTransformer(func=os.system)), ("model", LogisticRegression())]))


def method_of_os(path):
    """A schema written by hand that names a function and its arguments."""
    return zipped(
        {
            "__class__": "partial",
            "__module__": "functools",
            "__loader__": "PartialNode",
            "protocol": 2,
            "_skops_version": "0.16.0",
            "content": {
                "func": {"__class__": "system", "__module__": "os", "__loader__": "TypeNode"},
                "args": {},
                "kwargs": {},
                "namespace": {},
            },
        }
    )


def endless_tree(path):
    X, y = numbers()
    tree = DecisionTreeClassifier(max_depth=3).fit(X, y)
    state = tree.tree_.__getstate__()
    state["nodes"]["left_child"][1] = 0  # back to the root
    tree.tree_.__setstate__(state)
    return skops.io.dumps(tree)


def cyclic_booster(path):
    X, y = numbers()
    model = json.loads(XGBClassifier(n_estimators=2, max_depth=3, n_jobs=1).fit(X, y).get_booster().save_raw("json"))
    model["learner"]["gradient_booster"]["model"]["trees"][0]["left_children"][1] = 0
    return json.dumps(model).encode()


def half(form):
    def make(path):
        X, y = numbers()
        raw = bytes(XGBClassifier(n_estimators=20, n_jobs=1).fit(X, y).get_booster().save_raw(form))
        return raw[: len(raw) // 2]

    return make


HOSTILE = {
    "pickle.skops": (lambda p: pickle.dumps(Payload(p)), "which runs code"),
    "pickle.json": (lambda p: pickle.dumps(Payload(p)), "which runs code"),
    "pickle.onnx": (lambda p: pickle.dumps(Payload(p)), "which runs code"),
    "old.onnx": (lambda p: pickle.dumps(Payload(p), protocol=0), "something else|which runs code"),
    "model.pkl": (lambda p: b"{}", "which runs code"),
    "joblib.skops": (lambda p: joblib_bytes(Payload(p), 0), "which runs code"),
    "squeezed.skops": (lambda p: joblib_bytes(Payload(p), 3), "which runs code"),
    "zip.skops": (lambda p: zipped("not json"), "a damaged skops file"),
    "pickle inside.skops": (
        lambda p: zipped({"__class__": "x"}, **{"data.pkl": pickle.dumps(Payload(p))}),
        "a damaged skops file",
    ),
    "untrusted.skops": (untrusted, "not trusted: .*system"),
    "method.skops": (method_of_os, "not trusted|damaged skops"),
    "endless.skops": (endless_tree, "outside themselves"),
    "dict.skops": (lambda p: skops.io.dumps({"a": 1}), "a fitted classifier"),
    "unfitted.skops": (lambda p: skops.io.dumps(LogisticRegression()), "not fitted"),
    "external.onnx": (external, "data outside the file"),
    "enormous.onnx": (enormous, "larger or smaller than it is"),
    "from nothing.onnx": (from_nothing, "the operation 'ConstantOfShape'"),
    "doubling.onnx": (doubling, "too much memory|fails on them|does not load"),
    "wide.onnx": (wide_input, "numbers"),
    "own.onnx": (own_operation, "the operation 'Evil' of 'evil'"),
    "graph.onnx": (graph_in_graph, "graphs within the graph"),
    "cut.onnx": (lambda p: logistic_onnx([1, 2, 3], 0).SerializeToString()[:40], "damaged|without inputs"),
    "half.json": (half("json"), "a damaged one"),
    "half.ubj": (half("ubj"), "damaged|ended the process|something else"),
    "cyclic.json": (cyclic_booster, "outside themselves"),
    "other.json": (lambda p: b'{"a": 1}', "JSON of something else"),
    "deep.json": (lambda p: b'{"learner":' + b"[" * 200_000, "damaged|something else"),
    "empty.skops": (lambda p: b"", "an empty file"),
    "text.onnx": (lambda p: b"hello", "something else"),
}


def joblib_bytes(value, compress):
    buffer = io.BytesIO()
    joblib.dump(value, buffer, compress=compress)
    return buffer.getvalue()


# What can end a process, or only fails when it scores, is opened where models are: in a process of its own. What its
# reader refuses is read here, by the same reader.
IN_ITS_PROCESS = (
    "unfitted.skops",
    "untrusted.skops",
    "doubling.onnx",
    "wide.onnx",
    "half.json",
    "half.ubj",
    "deep.json",
    "cyclic.json",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_and_nothing_runs(name, tmp_path):
    make, words = HOSTILE[name]
    mark = tmp_path / "ran"
    path = tmp_path / name
    path.write_bytes(make(mark))
    with pytest.raises(InputError, match=words):
        if name in IN_ITS_PROCESS:
            load_model(path)
        else:
            READERS[kind_of(path.read_bytes(), name)](path.read_bytes(), name)
    assert not mark.exists()


def test_the_payload_would_run_where_pickles_are_opened(tmp_path):
    """Else the tests above prove nothing."""
    pickle.loads(pickle.dumps(Payload(tmp_path / "ran")))
    assert (tmp_path / "ran").read_text() == "ran"


def test_a_graph_without_names_takes_columns_by_number():
    model = logistic_onnx([1.0, 0.0, 0.0], 0.0)
    del model.metadata_props[:]
    loaded = load_model(
        model.SerializeToString(), columns={"column 1": "age", "column 2": "priors", "column 3": "noise"}
    )
    frame = pd.DataFrame({"age": [0.0, 2.0], "priors": 1.0, "noise": 0.0})
    assert loaded.predict_score(frame) == pytest.approx([0.5, 1 / (1 + np.exp(-2))])


def test_a_score_that_is_not_finite_is_refused():
    loaded = load_model(logistic_onnx([1.0, 0.0, 0.0], 0.0).SerializeToString())
    with pytest.raises(InputError, match="one finite score a row"):
        loaded.predict_score(pd.DataFrame({"age": [np.nan], "priors": [1.0], "noise": [0.0]}))
    assert dataset_of(planted(100)).y_true.shape == (100,)


def test_a_tree_that_reaches_beyond_its_columns_harms_nobody_but_its_own_process():
    """A node that only odd rows visit, on a column that is not there: it passes the first rows, and takes down
    whoever scores it.
    """
    from sklearn.tree._tree import Tree

    X, y = numbers()
    model = DecisionTreeClassifier(max_depth=2).fit(X, y)
    state = model.tree_.__getstate__()
    nodes = state["nodes"]
    nodes["feature"][0], nodes["threshold"][0] = 0, 1e6
    nodes["feature"][nodes["right_child"][0]] = 2**30  # eight gigabytes beyond the row
    model.tree_ = Tree(2**31 - 1, np.array([2], dtype=np.intp), 1)
    model.tree_.__setstate__(state)
    loaded = load_model(skops.io.dumps(model))
    assert np.isfinite(loaded.predict_score(X)).all()
    with pytest.raises(InputError, match=r"ended the process"):
        loaded.predict_score(X * 1e9)


def test_codes_that_are_numbers_stay_numbers():
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OneHotEncoder

    frame = pd.DataFrame({"district": [1, 2, 3] * 100, "age": np.arange(300)})
    y = (frame["district"] == 1).to_numpy() ^ (np.arange(300) % 7 == 0)
    model = Pipeline(
        [
            (
                "prepare",
                ColumnTransformer(
                    [("d", OneHotEncoder(handle_unknown="ignore"), ["district"])], remainder="passthrough"
                ),
            ),
            ("model", LogisticRegression(max_iter=1000)),
        ]
    )
    model.fit(frame, y)
    assert np.allclose(load_model(skops.io.dumps(model)).predict_score(frame), model.predict_proba(frame)[:, 1])


def test_a_booster_that_stopped_early_scores_with_its_best_trees():
    X, y = numbers()
    own = XGBClassifier(n_estimators=60, learning_rate=0.9, max_depth=6, early_stopping_rounds=3, n_jobs=1)
    own.fit(X[:600], y[:600], eval_set=[(X[600:], y[600:])], verbose=False)
    assert own.best_iteration < own.get_booster().num_boosted_rounds() - 1
    model = load_model(bytes(own.get_booster().save_raw("ubj")))
    assert np.allclose(model.predict_score(X), own.predict_proba(X)[:, 1], atol=1e-6)
