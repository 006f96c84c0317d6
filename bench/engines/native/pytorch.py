"""PyTorch's own kernels, called without autograd: what its forward and backward run."""

import torch

torch.set_num_threads(1)
VERSION = f"{torch.__version__}, {torch.backends.cpu.get_cpu_capability()}"


@torch.inference_mode()
def prepare(problem):
    shape, eps = (problem.cols,), problem.eps
    x, dy, gamma, beta = map(torch.from_numpy, (problem.x, problem.dy, problem.gamma, problem.beta))
    layer_norm = torch.ops.aten.native_layer_norm.default
    layer_norm_backward = torch.ops.aten.native_layer_norm_backward.default
    all_three = (True, True, True)
    latest = {}

    # Results are dropped before the next call, which then finds the same block of memory, still in the caches.
    @torch.inference_mode()
    def forward():
        latest.pop("y", None)
        latest["y"], latest["mean"], latest["rstd"] = layer_norm(x, shape, gamma, beta, eps)

    @torch.inference_mode()
    def backward():
        latest.pop("dx", None)
        latest["dx"], latest["dgamma"], latest["dbeta"] = layer_norm_backward(
            dy, x, shape, latest["mean"], latest["rstd"], gamma, beta, all_three
        )

    def both():
        forward()
        backward()

    forward()
    results = lambda _: {name: latest[name].numpy() for name in ("y", "dx", "dgamma", "dbeta") if name in latest}
    return {"inference": forward, "forward": forward, "backward": backward, "both": both}, results
