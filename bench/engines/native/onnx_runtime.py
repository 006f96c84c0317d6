"""ONNX Runtime, inputs and outputs bound to memory that stays. It has no backward pass."""

import numpy as np
import onnxruntime as ort

VERSION = ort.__version__


def prepare(problem):
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(problem.model, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    for node in session.get_inputs():
        values = problem.x if node.name == "X" else problem.residual
        binding.bind_ortvalue_input(node.name, ort.OrtValue.ortvalue_from_numpy(values))
    outputs = {}
    for node in session.get_outputs():
        # Not ortvalue_from_numpy(problem.x): on the CPU that is the memory of x, and the result would overwrite it.
        outputs[node.name.lower()] = ort.OrtValue.ortvalue_from_numpy(np.zeros_like(problem.x))
        binding.bind_ortvalue_output(node.name, outputs[node.name.lower()])
    forward = lambda: session.run_with_iobinding(binding)
    return {"forward": forward}, lambda _: {name: value.numpy() for name, value in outputs.items()}
