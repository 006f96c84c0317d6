import { readFileSync } from "node:fs";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import type { Runtime } from "layernorm-wasm";
import { init, initSync, type Source } from "layernorm-wasm/slim";
import * as tfjs from "layernorm-wasm/tfjs";
import { describe, expect, test } from "vitest";
import { type Api, everywhere, normal, sameBits } from "./support.js";
import {
  ALL,
  type Arguments,
  argumentsOf,
  beside,
  calls,
  type ErrorClass,
  type Failing,
  forAnyKind,
  forGone,
  forPlain,
  forTensors,
  messageOf,
  NAMED,
  wrong,
} from "./wrong-arguments.js";

/** All that was said. */
const met: string[] = [];

/** Fails where a call does not fail, or not as it should. */
function fails(call: () => unknown, error: ErrorClass, message: string): void {
  met.push(message);
  const thrown = (() => {
    try {
      return { result: call() };
    } catch (thrown) {
      return thrown;
    }
  })();
  expect(thrown, message).toBeInstanceOf(error);
  const { name, message: said } = thrown as Error;
  expect(`${name}: ${said}`).toBe(`${error.name}: ${message}`);
}

describe.each(everywhere)("$name:", ({ api, kind }) => {
  const ofKind = kind.name === "plain" ? "a Float32Array" : "a Tensor";
  const ofOtherKind = kind.name === "plain" ? "an f32 Tensor" : "a Float32Array";
  const mixed = beside.map(
    ([argument, names, put]): Failing => [
      names,
      TypeError,
      `${argument} is ${ofOtherKind}, needs ${ofKind}, as x is`,
      (of) => put(of.ofOtherKind),
    ],
  );

  /** Runs each row, and looks that its arguments are as they were. */
  function check(table: readonly Failing[], change: (of: Arguments) => void = () => {}): void {
    const of = argumentsOf(api, kind);
    change(of);
    const { three: _, ofOtherKind: __, ofOtherRuntime: ___, ...kept } = of;
    const values = () =>
      Object.fromEntries(Object.entries(kept).map(([name, data]) => [name, kind.values(data).slice()]));
    const before = values();
    for (const [names, error, message, instead] of table) {
      for (const name of names) {
        const said = messageOf(name, message).replace("KIND", ofKind);
        fails(() => calls[name](api, of, instead(of)), error, `${name}: ${said}`);
      }
    }
    sameBits("arguments", values(), before);
    // The same arguments are good for calls that succeed.
    for (const name of ALL) calls[name](api, of, {});
    expect(values()).not.toEqual(before);
  }

  test("wrong arguments", () => check([...forAnyKind, ...mixed]));
  test("wrong arguments of this kind", () => check(kind.name === "plain" ? forPlain : forTensors));
  test("arguments whose memory is gone", () => {
    if (kind.name === "plain") {
      check(forGone("detached: its memory was transferred away"), ({ three }) =>
        structuredClone(three, { transfer: [three.buffer as ArrayBuffer] }),
      );
    } else {
      check(forGone("a disposed tensor"), ({ three }) => wrong(three).dispose());
    }
  });
});

type Apart = [error: ErrorClass, message: string, call: (api: Api) => unknown];

const detached = (array: Float32Array | Int32Array) =>
  structuredClone(array, { transfer: [array.buffer as ArrayBuffer] }) && array;
const disposed = <T extends Disposable>(of: T) => {
  of[Symbol.dispose]();
  return of;
};
const after = <T extends InstanceType<Runtime["LayerNorm"]>>(layer: T) => {
  layer.forward(x);
  return layer;
};
const NUMBERS = "needs an array of numbers";
const x = normal(16, 1);

/** A call on f16 or bf16, with an argument that is stored otherwise than it has to be. */
// biome-ignore format: a table, which reads by its lines
const storage: Apart[] = [
  [TypeError, "layerNorm: gamma is a bf16 Tensor, needs an f16 or f32 Tensor, as x is f16", (api) =>
    api.layerNorm(api.tensor([4], "f16"), 4, { gamma: wrong(api.tensor([4], "bf16")) })],
  [TypeError, "layerNorm: beta is an f16 Tensor, needs an f32 Tensor", (api) =>
    api.layerNorm(api.tensor([4]), 4, { beta: wrong(api.tensor([4], "f16")) })],
  [TypeError, "layerNorm: out is an f32 Tensor, needs a bf16 Tensor, as x is bf16", (api) =>
    api.layerNorm(api.tensor([4], "bf16"), 4, { out: wrong(api.tensor([4])) })],
  [TypeError, "layerNormForward: out.mean is an f16 Tensor, needs an f32 Tensor", (api) =>
    api.layerNormForward(api.tensor([4], "f16"), 4, { out: { mean: wrong(api.tensor([1], "f16")) } })],
  [TypeError, "addLayerNorm: residual is an f32 Tensor, needs an f16 Tensor, as x is f16", (api) =>
    api.addLayerNorm(api.tensor([4], "f16"), wrong(api.tensor([4])), 4)],
  [TypeError, "rmsNormBackward: dy is an f32 Tensor, needs an f16 Tensor, as x is f16", (api) =>
    api.rmsNormBackward(wrong(api.tensor([4])), wrong(api.tensor([4], "f16")), 4, { rstd: api.tensor([1]) })],
  [TypeError, "rmsNormBackward: out.dgamma is an f32 Tensor, needs an f16 Tensor, as x is f16", (api) => {
    const [x, gamma] = [api.tensor([4], "f16"), api.tensor([4], "f16")];
    return api.rmsNormBackward(x, x, 4, { rstd: api.tensor([1]), gamma, out: { dgamma: api.tensor([4]) } });
  }],
];

/** A file with the tensor `weight` that the header says. */
function file(weight: object, bytes = 16): Uint8Array {
  const header = new TextEncoder().encode(JSON.stringify({ weight }));
  const file = new Uint8Array(8 + header.length + bytes);
  file[0] = header.length;
  file.set(header, 8);
  return file;
}

// biome-ignore format: a table, which reads by its lines
const files: Apart[] = [
  [TypeError, "RMSNorm.loadSafetensors: file is an Array, needs the bytes of a .safetensors file", (api) => new api.RMSNorm(4).loadSafetensors(wrong([1]))],
  [TypeError, "RMSNorm.loadSafetensors: file is of another format, needs the bytes of a .safetensors file", (api) => new api.RMSNorm(4).loadSafetensors(new Uint8Array(4))],
  [TypeError, "RMSNorm.loadSafetensors: file is of another format, needs the bytes of a .safetensors file", (api) => new api.RMSNorm(4).loadSafetensors(new Uint8Array(16).fill(65))],
  [TypeError, "RMSNorm.loadSafetensors: file is of another format, needs the bytes of a .safetensors file", (api) => new api.RMSNorm(4).loadSafetensors(Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 65, 65).buffer)],
  [TypeError, "RMSNorm.loadSafetensors: norm.weight is missing from the state, needs 4 elements", (api) => new api.RMSNorm(4).loadSafetensors(file({ dtype: "F32", shape: [4], data_offsets: [0, 16] }), "norm.")],
  [TypeError, 'RMSNorm.loadSafetensors: weight is stored as "I32", needs F64, F32, F16 or BF16', (api) => new api.RMSNorm(4).loadSafetensors(file({ dtype: "I32", shape: [4], data_offsets: [0, 16] }))],
  [RangeError, "RMSNorm.loadSafetensors: weight has 8 bytes in file, needs 16 for its shape [4]", (api) => new api.RMSNorm(4).loadSafetensors(file({ dtype: "F32", shape: [4], data_offsets: [0, 16] }, 8))],
  [RangeError, "RMSNorm.loadSafetensors: weight has 3 elements, needs 4", (api) => new api.RMSNorm(4).loadSafetensors(file({ dtype: "F32", shape: [3], data_offsets: [0, 12] }))],
];

// biome-ignore format: a table, which reads by its lines
const apart: Apart[] = [
  [TypeError, "tensor: shape is 3, needs an array of numbers", (api) => api.tensor(wrong(3))],
  [TypeError, "tensor: shape is undefined, needs an array of numbers", (api) => api.tensor(wrong(undefined))],
  [RangeError, "tensor: shape [2, -1] holds -1, needs whole numbers of at least 0", (api) => api.tensor([2, -1])],
  [RangeError, "tensor: shape [NaN] holds NaN, needs whole numbers of at least 0", (api) => api.tensor([Number.NaN])],
  [TypeError, "tensor: shape [an Array] holds an Array, needs whole numbers of at least 0", (api) => api.tensor(wrong([[1]]))],
  [RangeError, "tensor: shape [134217728, 134217728] has more elements than a number counts exactly", (api) => api.tensor([2 ** 27, 2 ** 27])],
  [TypeError, 'tensor: dtype is "f64", needs "f32", "f16" or "bf16"', (api) => api.tensor([1], wrong("f64"))],
  [TypeError, "tensor: dtype is null, needs \"f32\", \"f16\" or \"bf16\"", (api) => api.tensor([1], wrong(null))],
  [TypeError, `tensorFrom: values is undefined, ${NUMBERS}`, (api) => api.tensorFrom(wrong(undefined))],
  [TypeError, `tensorFrom: values is "123", ${NUMBERS}`, (api) => api.tensorFrom(wrong("123"))],
  [TypeError, `tensorFrom: values is an Object, ${NUMBERS}`, (api) => api.tensorFrom(wrong({ length: 3 }))],
  [TypeError, `tensorFrom: values is an ArrayBuffer, ${NUMBERS}`, (api) => api.tensorFrom(wrong(new ArrayBuffer(8)))],
  [TypeError, `tensorFrom: values is a DataView, ${NUMBERS}`, (api) => api.tensorFrom(wrong(new DataView(new ArrayBuffer(8))))],
  [TypeError, `tensorFrom: values is a BigInt64Array, ${NUMBERS}`, (api) => api.tensorFrom(wrong(new BigInt64Array(2)))],
  [TypeError, `tensorFrom: values is an f32 Tensor, ${NUMBERS}`, (api) => api.tensorFrom(wrong(api.tensor([2])))],
  [TypeError, "tensorFrom: values is detached: its memory was transferred away", (api) => api.tensorFrom(detached(new Int32Array(4)))],
  [TypeError, "tensorFrom: values[1] is an Array, needs a number", (api) => api.tensorFrom(wrong([1, [2]]))],
  [TypeError, "tensorFrom: values[0] is 1n, needs a number", (api) => api.tensorFrom(wrong([1n]))],
  [TypeError, 'tensorFrom: values[0] is "1", needs a number', (api) => api.tensorFrom(wrong(["1"]))],
  [TypeError, "tensorFrom: values[1] is undefined, needs a number", (api) => api.tensorFrom(wrong([1, undefined, 2]))],
  [RangeError, "tensorFrom: values has 3 elements, shape [2, 2] needs 4", (api) => api.tensorFrom([1, 2, 3], [2, 2])],
  [RangeError, "tensorFrom: values has 1 element, shape [0] needs 0", (api) => api.tensorFrom([1], [0])],
  [TypeError, "tensorFrom: shape is 3, needs an array of numbers", (api) => api.tensorFrom([1, 2, 3], wrong(3))],
  [TypeError, "Tensor.data: this is a disposed tensor", (api) => disposed(api.tensor([2])).data],
  [TypeError, "Tensor.data: this is a disposed tensor", (api) => disposed(api.tensor([2])).toFloat32Array()],
  [TypeError, `createRuntime: options is 3, ${NAMED}`, (api) => api.createRuntime(wrong(3))],
  [RangeError, "createRuntime: maxBytes is -1, needs a whole number of bytes from 0 to 4294967296", (api) => api.createRuntime({ maxBytes: -1 })],
  [RangeError, "createRuntime: maxBytes is 4294967297, needs a whole number of bytes from 0 to 4294967296", (api) => api.createRuntime({ maxBytes: 2 ** 32 + 1 })],
  [RangeError, "createRuntime: initialBytes is 0.5, needs a whole number of bytes from 0 to 4294967296", (api) => api.createRuntime({ initialBytes: 0.5 })],
  [RangeError, "createRuntime: initialBytes is 2000000, needs a whole number of bytes from 0 to 1000000", (api) => api.createRuntime({ initialBytes: 2e6, maxBytes: 1e6 })],
  [TypeError, 'createRuntime: initialBytes is "64 MB", needs a number of bytes', (api) => api.createRuntime({ initialBytes: wrong("64 MB") })],
  [TypeError, "runtime.info: the runtime is disposed, make a new one", (api) => disposed(api.createRuntime()).info()],
  [TypeError, "layerNorm: the runtime is disposed, make a new one", (api) => disposed(api.createRuntime()).layerNorm(x, 4)],
  [TypeError, "tensor: the runtime is disposed, make a new one", (api) => disposed(api.createRuntime()).tensor([4])],
  [TypeError, "tensorFrom: the runtime is disposed, make a new one", (api) => disposed(api.createRuntime()).tensorFrom([4])],
  [TypeError, "LayerNorm: the runtime is disposed, make a new one", (api) => new (disposed(api.createRuntime()).LayerNorm)(4)],
  [TypeError, "Tensor.data: this is a tensor of a disposed runtime", (api) => {
    const runtime = api.createRuntime();
    const x = runtime.tensor([4]);
    runtime.dispose();
    return x.data;
  }],
  [TypeError, "layerNorm: x is a tensor of a disposed runtime", (api) => {
    const runtime = api.createRuntime();
    const x = runtime.tensor([4]);
    return disposed(runtime).layerNorm(x, 4);
  }],
  [RangeError, "LayerNorm: normalizedShape [0] holds 0, needs positive whole numbers", (api) => new api.LayerNorm(0)],
  [RangeError, "LayerNorm: eps is -1, needs a finite number of at least 0", (api) => new api.LayerNorm(4, { eps: -1 })],
  [TypeError, "LayerNorm: affine is 1, needs a boolean", (api) => new api.LayerNorm(4, { affine: wrong(1) })],
  [TypeError, "layerNorm: x is a tensor of another runtime", (api) => api.layerNorm(api.createRuntime().tensor([4]), 4)],
  [RangeError, "LayerNorm.forward: x has 16 elements, normalizedShape [3] needs a multiple of 3", (api) => new api.LayerNorm(3).forward(x)],
  [TypeError, "LayerNorm.forward: x is an Array, needs a Float32Array or a Tensor", (api) => new api.LayerNorm(4).forward(wrong([1, 2, 3, 4]))],
  [TypeError, "LayerNorm.forward: gamma is a disposed tensor", (api) => disposed(new api.LayerNorm(4)).forward(x)],
  [Error, "LayerNorm.backward: there is no forward call to go back through, call forward first", (api) => new api.LayerNorm(4).backward(x)],
  [Error, "LayerNorm.backward: there is no forward call to go back through, call forward first", (api) => disposed(after(new api.LayerNorm(4))).backward(x)],
  [RangeError, "LayerNorm.backward: dy has 4 elements, needs 16, as many as the x of forward", (api) => after(new api.LayerNorm(4)).backward(normal(4, 1))],
  [TypeError, "LayerNorm.backward: dy is an f32 Tensor, needs a Float32Array, as the x of forward is", (api) => after(new api.LayerNorm(4)).backward(wrong(api.tensor([4, 4])))],
  [TypeError, "LayerNorm.backward: the x of forward is a disposed tensor", (api) => {
    const [layer, x] = [new api.LayerNorm(4), api.tensor([4])];
    layer.forward(x);
    x.dispose();
    return layer.backward(api.tensor([4]));
  }],
  [TypeError, "LayerNorm.backward: dbeta is a disposed tensor", (api) => {
    const layer = after(new api.LayerNorm(4));
    layer.dbeta?.dispose();
    return layer.backward(x);
  }],
  [TypeError, "LayerNorm.loadStateDict: state is null, needs an object with weight, bias", (api) => new api.LayerNorm(4).loadStateDict(wrong(null))],
  [TypeError, 'LayerNorm.loadStateDict: state has "gamma", the layer has weight, bias', (api) => new api.LayerNorm(4).loadStateDict(wrong({ gamma: x }))],
  [TypeError, 'LayerNorm.loadStateDict: state has "weight", the layer has no parameters', (api) => new api.LayerNorm(4, { affine: false }).loadStateDict({ weight: x })],
  [TypeError, "LayerNorm.loadStateDict: bias is missing from the state, needs 4 elements", (api) => new api.LayerNorm(4).loadStateDict({ weight: [1, 2, 3, 4] })],
  [RangeError, "LayerNorm.loadStateDict: weight has 16 elements, needs 4", (api) => new api.LayerNorm(4).loadStateDict({ weight: x, bias: x })],
  [TypeError, "LayerNorm.loadStateDict: bias is null, needs an array of numbers", (api) => new api.LayerNorm(2).loadStateDict({ weight: [1, 2], bias: wrong(null) })],
  [TypeError, "LayerNorm.loadStateDict: weight[1] is null, needs a number", (api) => new api.LayerNorm(2).loadStateDict({ weight: wrong([1, null]), bias: [1, 2] })],
  [TypeError, "LayerNorm.loadStateDict: bias is a disposed tensor", (api) => new api.LayerNorm(2).loadStateDict({ weight: [1, 2], bias: disposed(api.tensor([2])) })],
  [TypeError, 'RMSNorm: dtype is "f64", needs "f32", "f16" or "bf16"', (api) => new api.RMSNorm(4, { dtype: wrong("f64") })],
  [TypeError, "RMSNorm.forward: x is a Float32Array, needs an f16 Tensor, as the layer's parameters are", (api) => new api.RMSNorm(4, { dtype: "f16" }).forward(x)],
  [TypeError, "RMSNorm.forward: x is a bf16 Tensor, needs an f16 Tensor, as the layer's parameters are", (api) => new api.RMSNorm(4, { dtype: "f16" }).forward(api.tensor([4], "bf16"))],
  [TypeError, 'RMSNorm.loadStateDict: state has "bias", the layer has weight', (api) => new api.RMSNorm(4).loadStateDict({ weight: x, bias: x })],
  ...storage,
  ...files,
  [TypeError, "LayerNorm: bias is null, needs a boolean", (api) => new api.LayerNorm(4, { bias: wrong(null) })],
  [TypeError, `LayerNorm: options is 1e-5, ${NAMED}`.replace("1e-5", "0.00001"), (api) => new api.LayerNorm(4, wrong(1e-5))],
];

describe.each([everywhere[0], everywhere[2]])("$engine:", ({ api }) => {
  test.each(apart)("%o: %s", (error, message, call) => fails(() => call(api), error, message));
});

/** A module that is valid, and empty. */
const anotherModule = () => new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
const [webAssembly, javascript] = [everywhere[0].api, everywhere[2].api];

/** The rest is said by one engine alone, or with figures that depend on it. */
const rest: [error: ErrorConstructor, message: string, call: () => unknown][] = [
  [
    TypeError,
    "createRuntime: module is an Object, needs a WebAssembly.Module",
    () => webAssembly.createRuntime({ module: wrong({}) }),
  ],
  [
    TypeError,
    "createRuntime: module is another one, needs this package's layernorm.wasm, compiled",
    () => webAssembly.createRuntime({ module: anotherModule() }),
  ],
  [
    RangeError,
    "createRuntime: maxBytes is 1000, needs the 65536 that the engine starts with",
    () => javascript.createRuntime({ maxBytes: 1000 }),
  ],
  [
    RangeError,
    "tensor: out of memory: 4000000 bytes needed, 1048512 left of what the runtime may use",
    () => javascript.createRuntime({ maxBytes: 2 ** 20 }).tensor([1_000_000]),
  ],
  [
    TypeError,
    "initSync: source is undefined, needs a WebAssembly.Module or its bytes",
    () => initSync(wrong(undefined)),
  ],
  [
    TypeError,
    "initSync: source is another one, needs this package's layernorm.wasm, compiled",
    () => initSync(anotherModule()),
  ],
  [
    TypeError,
    'initSync: source begins with "<!do", needs the bytes of layernorm.wasm',
    () => initSync(Buffer.from("<!doctype")),
  ],
  [
    Error,
    "initSync: source does not compile: it is damaged, or SIMD is missing or forbidden here; layernorm-wasm/js needs none",
    () => initSync(Uint8Array.of(0, 0x61, 0x73, 0x6d)),
  ],
];

test.each(rest)("%o: %s", (error, message, call) => fails(call, error, message));

test("an answer without the file", async () => {
  const answer = { ok: false, status: 404, url: "/", arrayBuffer: () => {} } as unknown as Source;
  const message = "init: source is an answer with status 404 from /, needs layernorm.wasm";
  const error = await init(answer).catch((error) => error);
  fails(() => raise(error), TypeError, message);
});

function raise(error: unknown): never {
  throw error;
}

/** That a layer for rows of four, or of `cols`, is called with something else. */
function callLayer(inputs: tf.Tensor | tf.Tensor[], cols = 4): tf.Tensor {
  const layer = tfjs.layerNormalization();
  layer.build([null, cols]);
  return layer.call(inputs);
}

const tfx = tf.zeros([2, 4]);
const gone = tf.zeros([4]);
gone.dispose();

const inTfjs: [ErrorClass, string, () => unknown][] = [
  [TypeError, "layerNorm: x is an Array, needs a tf.Tensor", () => tfjs.layerNorm(wrong([1, 2]))],
  [TypeError, "layerNorm: x is null, needs a tf.Tensor", () => tfjs.layerNorm(wrong(null))],
  [TypeError, "layerNorm: x is of dtype int32, needs float32", () => tfjs.layerNorm(tf.zeros([4], "int32"))],
  [TypeError, "layerNorm: gamma is 1, needs a tf.Tensor", () => tfjs.layerNorm(tfx, wrong(1))],
  [TypeError, "layerNorm: gamma is a disposed tensor", () => tfjs.layerNorm(tfx, gone)],
  [
    RangeError,
    "layerNorm: x has shape [2, 4], its last dimensions need to be normalizedShape [3]",
    () => tfjs.layerNorm(tfx, tf.ones([3])),
  ],
  [
    RangeError,
    "layerNorm: beta has shape [2, 2], needs [4], as gamma has",
    () => tfjs.layerNorm(tfx, tf.ones([4]), tf.ones([2, 2])),
  ],
  [
    RangeError,
    "layerNorm: eps is -1, needs a finite number of at least 0",
    () => tfjs.layerNorm(tfx, null, null, -1),
  ],
  [
    RangeError,
    "layerNorm: normalizedShape is [], needs at least one size, or axes: []",
    () => tfjs.layerNorm(tf.scalar(1)),
  ],
  [Error, "Invalid axis: 3", () => tfjs.layerNormalization({ axis: 3 }).build([null, 4])],
  [
    RangeError,
    "LayerNormalization: x has shape [2, 4], its last dimensions need to be normalizedShape [3]",
    () => callLayer(tfx, 3),
  ],
  [TypeError, "LayerNormalization: called with 2 tensors, needs one", () => callLayer([tfx, tfx])],
];

test.each(inTfjs)("in TensorFlow.js: %o: %s", (error, message, call) => fails(call, error, message));

test("every message of check.ts was met", () => {
  const source = readFileSync(new URL("../ts/api/check.ts", import.meta.url), "utf8");
  const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const templates = Array.from(source.matchAll(/`(\$\{name\}: .*)`/g), ([, template]) => template);
  const never = templates.filter((template) => {
    const parts = template.split(/\$\{(?:[^{}]|\{[^{}]*\})*\}/).map(literal);
    return !met.some((message) => new RegExp(`^${parts.join(".*")}$`).test(message));
  });
  expect(templates.length).toBeGreaterThan(30);
  expect(never).toEqual([]);
});
