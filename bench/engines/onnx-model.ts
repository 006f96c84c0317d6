/**
 * Models of one node, with their weights inside, as bytes of ONNX's protocol buffers. Field numbers are those of
 * onnx.proto: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import type { Operation } from "../cases/operations.js";
import type { Problem } from "./engine.js";

/** The first opset with LayerNormalization, and an IR version that goes with it. */
const OPSET = 17;
const IR_VERSION = 8;
const FLOAT = 1;
/** What ONNX Runtime has beside the standard: its ContribOperators.md. The first stands under the standard's own name. */
const CONTRIBUTED = "com.microsoft";

interface Node {
  type: string;
  domain?: string;
  inputs: string[];
  /** Those that are left out have an empty name. */
  outputs: string[];
}

const NODES: Partial<Record<Operation, Node>> = {
  layer_norm: { type: "LayerNormalization", inputs: ["X", "gamma", "beta"], outputs: ["Y"] },
  rms_norm: { type: "SimplifiedLayerNormalization", inputs: ["X", "gamma"], outputs: ["Y"] },
  add_layer_norm: {
    type: "SkipLayerNormalization",
    domain: CONTRIBUTED,
    inputs: ["X", "residual", "gamma", "beta"],
    outputs: ["Y", "", "", "sum"],
  },
  add_rms_norm: {
    type: "SkipSimplifiedLayerNormalization",
    domain: CONTRIBUTED,
    inputs: ["X", "residual", "gamma"],
    outputs: ["Y", "", "", "sum"],
  },
};

const utf8 = new TextEncoder();

/** The model of an operation; nothing where ONNX Runtime has no operator for it. */
export function onnxModel(problem: Problem): Uint8Array<ArrayBuffer> | undefined {
  const { operation, rows, cols, eps, gamma, beta } = problem;
  const node = NODES[operation];
  if (node === undefined) return undefined;
  const attributes = [
    message(text(1, "epsilon"), varint(20, 1), float(2, eps)),
    // What adds first takes the last axis, and no other.
    ...(node.domain ? [] : [message(text(1, "axis"), varint(20, 2), varint(3, -1))]),
  ];
  const all = { gamma: weights([cols], gamma), beta: weights([cols], beta) };
  return model(node, attributes, all, [rows, cols], [rows, cols]);
}

/** `Y = X W`, for `W` of `[inner, cols]`. */
export function matrixProductModel(
  rows: number,
  [inner, cols]: readonly [number, number],
  W: Float32Array,
): Uint8Array<ArrayBuffer> {
  const node = { type: "MatMul", inputs: ["X", "W"], outputs: ["Y"] };
  return model(node, [], { W: weights([inner, cols], W) }, [rows, inner], [rows, cols]);
}

/** One node. Those of its inputs that are not `parameters` are given when it runs. */
function model(
  { type, domain, inputs, outputs }: Node,
  attributes: Uint8Array[],
  parameters: Record<string, Uint8Array>,
  shapeOfInputs: number[],
  shapeOfOutputs: number[],
): Uint8Array<ArrayBuffer> {
  const node = message(
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, type),
    ...attributes.map((a) => bytes(5, a)),
    ...(domain ? [text(7, domain)] : []),
  );
  const held = inputs.filter((name) => name in parameters);
  const given = inputs.filter((name) => !(name in parameters));
  const graph = message(
    bytes(1, node),
    text(2, type),
    ...held.map((name) => bytes(5, message(parameters[name], text(8, name)))),
    ...given.map((name) => bytes(11, value(name, shapeOfInputs))),
    ...outputs.filter(Boolean).map((name) => bytes(12, value(name, shapeOfOutputs))),
  );
  const opsets = [message(varint(2, OPSET)), message(text(1, CONTRIBUTED), varint(2, 1))];
  return message(varint(1, IR_VERSION), bytes(7, graph), ...opsets.map((opset) => bytes(8, opset)));
}

function weights(shape: number[], values: Float32Array): Uint8Array {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return message(...shape.map((size) => varint(1, size)), varint(2, FLOAT), bytes(9, raw));
}

function value(name: string, shape: number[]): Uint8Array {
  const dimensions = shape.map((size) => bytes(1, message(varint(1, size))));
  const type = message(varint(1, FLOAT), bytes(2, message(...dimensions)));
  return message(text(1, name), bytes(2, message(bytes(1, type))));
}

function message(...fields: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(fields.reduce((sum, field) => sum + field.length, 0));
  let at = 0;
  for (const field of fields) {
    whole.set(field, at);
    at += field.length;
  }
  return whole;
}

const text = (field: number, value: string) => bytes(field, utf8.encode(value));

const bytes = (field: number, value: Uint8Array) =>
  message(sevenBits((field << 3) | 2), sevenBits(value.length), value);

const varint = (field: number, value: number) => message(sevenBits(field << 3), sevenBits(value));

function float(field: number, value: number): Uint8Array {
  const whole = new Uint8Array(4);
  new DataView(whole.buffer).setFloat32(0, value, true);
  return message(sevenBits((field << 3) | 5), whole);
}

/** Seven bits a byte, the lowest first; a negative number as its 64 bits. */
function sevenBits(value: number): Uint8Array {
  const digits: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const more = rest > 127n;
    digits.push(Number(rest & 127n) | (more ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(digits);
}
