"""Writes onnx.json from the backend node tests of the onnx package; README.md says how it is run.

ONNX normalises all dimensions from `axis` on. Nodes with the suffix _expanded are the same data with the
operator written out in others, so they are left out.
"""

import json
from pathlib import Path

import numpy
import onnx
from onnx import numpy_helper

nodes = Path(onnx.__file__).parent / "backend/test/data/node"
operations = {"LayerNormalization": "layerNorm", "RMSNormalization": "rmsNorm"}


def numbers(array):
    """The shortest decimals that give the same f32."""
    assert array.dtype == numpy.float32, array.dtype
    return [float(str(value)) for value in array.ravel()]


def case(folder):
    [node] = onnx.load(folder / "model.onnx").graph.node
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    # stash_type 1, the default, is f32 inside, as here.
    assert set(attributes) <= {"axis", "epsilon"}, attributes

    def tensors(kind, names):
        for k, name in enumerate(names):
            with open(folder / "test_data_set_0" / f"{kind}_{k}.pb", "rb") as file:
                yield name, numpy_helper.to_array(onnx.load_tensor(file))

    inputs = dict(tensors("input", node.input))
    outputs = dict(tensors("output", node.output))
    shape = inputs["X"].shape
    axis = attributes.get("axis", -1)
    normalized = range(axis % len(shape), len(shape))
    assert inputs["W"].shape == tuple(shape[axis] for axis in normalized)
    result = {
        "name": folder.name.removeprefix("test_"),
        "operation": operations[node.op_type],
        "shape": list(shape),
        # As the node counts them, from the end where its axis is negative.
        "axes": [d - len(shape) if axis < 0 else d for d in normalized],
        "x": numbers(inputs["X"]),
        "gamma": numbers(inputs["W"]),
    }
    if "epsilon" in attributes:
        result["eps"] = attributes["epsilon"]
    if "B" in inputs:
        result["beta"] = numbers(inputs["B"])
    names = {"Y": "y", "Mean": "mean", "InvStdDev": "rstd"}
    result["expected"] = {names[name]: numbers(array) for name, array in outputs.items()}
    return result


folders = [
    folder
    for operation in ("layer", "rms")
    for folder in sorted(nodes.glob(f"test_{operation}_normalization_*"))
    if not folder.name.endswith(("_expanded", "_expanded_ver18"))
]
document = {
    "source": f"onnx {onnx.__version__} of PyPI, onnx/backend/test/data/node, by from_onnx.py",
    "licence": "Apache-2.0, Copyright (c) ONNX Project Contributors",
}
cases = ",\n".join(json.dumps(case(folder), separators=(",", ":")) for folder in folders)
head = json.dumps(document, indent=2).removesuffix("\n}")
Path(__file__).with_name("onnx.json").write_text(f'{head},\n  "cases": [\n{cases}\n  ]\n}}\n')
print(f"{len(folders)} cases")
