"""`host.py NAME`: one native engine in a process of its own, one thread. The other side of ../protocol.ts, as
../host.ts is for JavaScript. An engine's module has `VERSION` and `prepare(problem)`, which returns the passes, each
without an argument, and a function from a pass to its results."""

import gc
import importlib
import json
import os
import sys
from time import perf_counter_ns, process_time_ns

# Before any library starts its threads.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
os.environ["JAX_PLATFORMS"] = "cpu"

import numpy as np

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print goes to stderr


def say(answer):
    print(json.dumps(answer), file=answers, flush=True)


class Problem:
    def __init__(self, question):
        files = question["files"]
        self.operation, self.eps = question["operation"], question["eps"]
        self.rows, self.cols, inner = question["rows"], question["cols"], question["inner"]
        self.x, self.dy, self.gamma, self.beta, self.residual = (
            np.fromfile(files[name], np.float32) if name in files else None
            for name in ("x", "dy", "gamma", "beta", "residual")
        )
        shape = (self.rows, self.cols) if inner == 1 else (self.rows // inner, self.cols, inner)
        self.x, self.dy = self.x.reshape(shape), self.dy.reshape(shape)
        if self.residual is not None:
            self.residual = self.residual.reshape(shape)
        self.model = files.get("model")


def time(run, repetitions):
    used, start = process_time_ns(), perf_counter_ns()
    for _ in range(repetitions):
        run()
    ns = perf_counter_ns() - start
    return {"ns": ns, "busy": (process_time_ns() - used) / ns}


def main(engine):
    prepared = {}
    for line in sys.stdin:
        question = json.loads(line)
        ask, key = question["ask"], question["key"]
        try:
            if ask == "prepare":
                prepared[key] = engine.prepare(Problem(question))
                say({"passes": list(prepared[key][0])})
                continue
            passes, results = prepared[key]
            if ask == "run":
                say(time(passes[question["pass"]], question["repetitions"]))
            elif ask == "results":
                values = results(question["pass"])
                for name, value in values.items():
                    np.ascontiguousarray(value, np.float32).tofile(os.path.join(question["folder"], name))
                say({"names": list(values)})
            else:
                del prepared[key], passes, results
                gc.collect()
                say({})
        except Exception as error:
            say({"error": f"{type(error).__name__}: {error}"})


try:
    engine = importlib.import_module(sys.argv[1])
    say({"version": engine.VERSION})
except Exception as error:
    say({"error": f"{type(error).__name__}: {error}"})
    sys.exit(1)
main(engine)
