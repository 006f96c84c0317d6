/**
 * Models of one node, from X to Y, with their weights inside, as bytes of ONNX's protocol buffers. Field numbers are
 * those of onnx.proto: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import type { Problem } from "./engine.js";

/** The first opset with LayerNormalization, and an IR version that goes with it. */
const OPSET = 17;
const IR_VERSION = 8;
const FLOAT = 1;

const utf8 = new TextEncoder();

/** `Y = LayerNormalization(X)` over the last dimension. */
export function layerNormalizationModel({ rows, cols, gamma, beta, eps }: Problem): Uint8Array<ArrayBuffer> {
  const attributes = [
    message(text(1, "axis"), varint(20, 2), varint(3, -1)),
    message(text(1, "epsilon"), varint(20, 1), float(2, eps)),
  ];
  const parameters = { gamma: weights([cols], gamma), beta: weights([cols], beta) };
  return model("LayerNormalization", attributes, parameters, [rows, cols], [rows, cols]);
}

/** `Y = X W`, for `W` of `[inner, cols]`. */
export function matrixProductModel(
  rows: number,
  [inner, cols]: readonly [number, number],
  W: Float32Array,
): Uint8Array<ArrayBuffer> {
  return model("MatMul", [], { W: weights([inner, cols], W) }, [rows, inner], [rows, cols]);
}

/** One node, whose inputs are X and then `parameters`, in their order. */
function model(
  operator: string,
  attributes: Uint8Array[],
  parameters: Record<string, Uint8Array>,
  shapeOfX: number[],
  shapeOfY: number[],
): Uint8Array<ArrayBuffer> {
  const inputs = ["X", ...Object.keys(parameters)].map((name) => text(1, name));
  const node = message(...inputs, text(2, "Y"), text(4, operator), ...attributes.map((a) => bytes(5, a)));
  const graph = message(
    bytes(1, node),
    text(2, operator),
    ...Object.entries(parameters).map(([name, values]) => bytes(5, message(values, text(8, name)))),
    bytes(11, value("X", shapeOfX)),
    bytes(12, value("Y", shapeOfY)),
  );
  return message(varint(1, IR_VERSION), bytes(7, graph), bytes(8, message(varint(2, OPSET))));
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
