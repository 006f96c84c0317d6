"""Writes pytorch.json: results and gradients of PyTorch in f64; README.md says how it is run.

The gradients are autograd's, of `sum(dy * y) + sum(dsum * sum)`. Inputs are multiples of a power of two, so
that they, and the sum of x and residual, are exact in f32 and in the storage types that `exact` names.
"""

import json
from pathlib import Path

import torch
from torch.nn import functional

generator = torch.Generator().manual_seed(1)

# Of values below 8 and sums below 16 in steps of 2^-bits: 20, 10 and 7 bits of significand, and one for the sum.
BITS = {"f32": 17, "f16": 7, "bf16": 4}


def values(shape, bits, offset=0.0, spread=1.0):
    normal = torch.randn(shape, generator=generator, dtype=torch.float64) * spread
    return torch.round(normal.clamp(-7.5, 7.5) * 2**bits) / 2**bits + offset


def rstd_of(rows, centred, eps):
    if centred:
        rows = rows - rows.mean(-1, keepdim=True)
    return (rows.square().mean(-1) + eps).rsqrt()


def case(
    name,
    operation,
    shape,
    normalized_shape,
    axes=None,
    exact="f32",
    eps=1e-5,
    gamma=True,
    beta=True,
    unit_offset=False,
    rows_per_sample=None,
    offset=0.0,
    spread=1.0,
):
    bits = BITS[exact]
    adds = operation.startswith("add")
    centred = operation.endswith("ayerNorm")
    listed = list(axes if axes is not None else range(-len(normalized_shape), 0))
    named = [axis % len(shape) for axis in listed]
    others = [axis for axis in range(len(shape)) if axis not in named]
    rows = torch.Size(shape[axis] for axis in others).numel()
    cols = torch.Size(normalized_shape).numel()
    assert [shape[axis] for axis in named] == list(normalized_shape)
    count = cols if rows_per_sample is None else rows // rows_per_sample * cols

    inputs = {"x": values(shape, bits, offset, spread)}
    if adds:
        inputs["residual"] = values(shape, bits)
    inputs["dy"] = values(shape, bits)
    if adds:
        inputs["dsum"] = values(shape, bits)
    if gamma:
        inputs["gamma"] = values([count], bits, 0.0 if unit_offset else 1.0, 0.5)
    if centred and beta:
        inputs["beta"] = values([count], bits)

    x = inputs["x"].clone().requires_grad_()
    scale = inputs["gamma"].clone().requires_grad_() if gamma else None
    shift = inputs["beta"].clone().requires_grad_() if "beta" in inputs else None
    total = x + inputs["residual"] if adds else x

    def parameter(values):
        """For each row its own, where there is one for each sample; else one for all, of normalized_shape."""
        if values is None or rows_per_sample is None:
            return values if values is None else values.reshape(normalized_shape)
        return values.reshape(-1, *normalized_shape).repeat_interleave(rows_per_sample, 0)

    weight = parameter(scale)
    if weight is not None and unit_offset:
        weight = 1 + weight
    bias = parameter(shift)
    order = others + named
    moved = total.permute(order).reshape(rows, *normalized_shape)
    apart = rows_per_sample is not None
    inside = (None, None) if apart else (weight, bias)
    if centred:
        y = functional.layer_norm(moved, normalized_shape, *inside, eps)
    else:
        y = functional.rms_norm(moved, normalized_shape, inside[0], eps)
    if apart:
        y = y if weight is None else y * weight
        y = y if bias is None else y + bias
    y = y.reshape([shape[axis] for axis in order])
    y = y.permute([order.index(axis) for axis in range(len(shape))])

    loss = (inputs["dy"] * y).sum()
    if adds:
        loss = loss + (inputs["dsum"] * total).sum()
    loss.backward()

    flat = moved.detach().reshape(rows, cols)
    expected = {"y": y, "rstd": rstd_of(flat, centred, eps), "dx": x.grad}
    if adds:
        expected["sum"] = total
    if centred:
        expected["mean"] = flat.mean(-1)
    if scale is not None:
        expected["dgamma"] = scale.grad
    if shift is not None:
        expected["dbeta"] = shift.grad
    storage = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[exact]
    for some in [*inputs.values(), total.detach()]:
        assert torch.equal(some.to(storage).double(), some), name

    result = {"name": name, "operation": operation, "shape": shape, "normalizedShape": normalized_shape}
    result["exact"] = ["f32"] if exact == "f32" else ["f32", exact] if exact == "f16" else ["f32", "f16", "bf16"]
    result["eps"] = eps
    if axes is not None:
        result["axes"] = axes
    if unit_offset:
        result["unitOffset"] = True
    if rows_per_sample is not None:
        result["rowsPerSample"] = rows_per_sample

    def numbers(tensor):
        # Inputs are short as they are; of results 13 digits are far more than f32 is compared to.
        return [float(f"{value:.13g}") for value in tensor.detach().reshape(-1).tolist()]

    result |= {name: numbers(tensor) for name, tensor in inputs.items()}
    result["expected"] = {name: numbers(tensor) for name, tensor in expected.items()}
    return result


def cases():
    for operation in ("layerNorm", "rmsNorm", "addLayerNorm", "addRmsNorm"):
        centred = operation.endswith("ayerNorm")
        yield case(f"{operation}: rows", operation, [3, 8], [8])
        yield case(f"{operation}: two dimensions, eps 0.01", operation, [2, 3, 5], [3, 5], eps=0.01, exact="f16")
        yield case(f"{operation}: no parameters", operation, [2, 7], [7], gamma=False, beta=False, exact="bf16")
        if centred:
            yield case(f"{operation}: gamma alone", operation, [2, 6], [6], beta=False)
            yield case(f"{operation}: beta alone", operation, [2, 6], [6], gamma=False)
        yield case(f"{operation}: one row", operation, [17], [17], exact="f16")
        yield case(f"{operation}: off centre", operation, [2, 9], [9], offset=64.0, spread=0.5)
        yield case(f"{operation}: unit offset", operation, [3, 6], [6], unit_offset=True, exact="bf16")
        yield case(
            f"{operation}: scale and shift of each sample",
            operation,
            [2, 3, 5],
            [5],
            unit_offset=True,
            rows_per_sample=3,
            exact="f16",
        )
        yield case(f"{operation}: channels of NCHW", operation, [2, 5, 2, 2], [5], axes=[1], exact="bf16")
        yield case(f"{operation}: axes out of order", operation, [3, 2, 4], [4, 3], axes=[2, 0])
        yield case(f"{operation}: axes from the end", operation, [4, 2, 3], [4, 2], axes=[-3, -2], exact="f16")
        yield case(
            f"{operation}: channels of NCHW, gamma of each sample",
            operation,
            [2, 4, 2, 2],
            [4],
            axes=[-3],
            rows_per_sample=4,
        )
    # The ways in which WebNN's layerNormalization is called: its default axes are all but the first, and scale
    # and bias are laid out in the order of the axes.
    for shape in ([4, 6], [2, 3, 4], [2, 1, 4, 3], [2, 1, 2, 2, 3]):
        axes = list(range(1, len(shape)))
        yield case(f"WebNN: {len(shape)}D", "layerNorm", shape, shape[1:], axes=axes, gamma=False, beta=False)
    for axes, gamma, beta, eps, exact in (
        ([1, 2, 3], True, False, 1e-5, "f16"),
        ([1, 2, 3], False, True, 1e-5, "bf16"),
        ([2], False, False, 1e-5, "f16"),
        ([0, 2], True, False, 1e-5, "f16"),
        ([3, 1, 2], False, True, 1e-5, "bf16"),
        ([0, 3, 1], True, True, 1e-4, "f16"),
    ):
        shape = [2, 1, 4, 3]
        yield case(
            f"WebNN: axes {axes}{', scale' * gamma}{', bias' * beta}, epsilon {eps}",
            "layerNorm",
            shape,
            [shape[axis] for axis in axes],
            axes=axes,
            gamma=gamma,
            beta=beta,
            eps=eps,
            exact=exact,
        )


source = f"PyTorch {torch.__version__.split('+')[0]} in f64 on a CPU, by from_pytorch.py"
lines = [json.dumps(case, separators=(",", ":")) for case in cases()]
text = ",\n".join(lines)
path = Path(__file__).with_name("pytorch.json")
path.write_text(f'{{\n  "source": {json.dumps(source)},\n  "cases": [\n{text}\n  ]\n}}\n')
print(f"{len(lines)} cases")
