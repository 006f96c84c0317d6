"""JAX on the CPU, compiled by jit. Its gradients are those of its own differentiation, so forward is part of them."""

import jax
import jax.numpy as jnp

VERSION = jax.__version__


def prepare(problem):
    x, dy, gamma, beta = map(jnp.asarray, (problem.x, problem.dy, problem.gamma, problem.beta))

    def layer_norm(x, gamma, beta):
        mean = jnp.mean(x, -1, keepdims=True)
        variance = jnp.var(x, -1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(variance + problem.eps) * gamma + beta

    def differentiated(x, gamma, beta, dy):
        y, pull = jax.vjp(layer_norm, x, gamma, beta)
        return y, *pull(dy)

    forward_jit, both_jit = jax.jit(layer_norm), jax.jit(differentiated)
    latest = []

    # Results are dropped before the next call, which then finds the same memory.
    def forward():
        latest.clear()
        latest[:] = [forward_jit(x, gamma, beta).block_until_ready()]

    def both():
        latest.clear()
        latest[:] = jax.block_until_ready(both_jit(x, gamma, beta, dy))

    return {"forward": forward, "both": both}, lambda _: dict(zip(("y", "dx", "dgamma", "dbeta"), latest))
