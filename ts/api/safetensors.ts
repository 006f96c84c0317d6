import { checkSafetensors } from "./check.js";
import type { Context } from "./context.js";
import { type Dtype, Tensor } from "./tensor.js";

/*
 * Files of tensors: eight bytes for the length of a header in JSON, the header, the data. See "Format" in
 * https://github.com/huggingface/safetensors.
 */

/** What a file says of a tensor. */
export interface SafetensorsEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Where it begins and ends, in bytes from the end of the header. */
  readonly data_offsets: readonly [number, number];
}

const LENGTH_BYTES = 8;
const NAMES: { readonly [dtype in Dtype]: string } = { f32: "F32", f16: "F16", bf16: "BF16" };

/** A file of named tensors. */
export function writeSafetensors(
  entries: readonly { readonly name: string; readonly tensor: Tensor<Dtype> }[],
): Uint8Array {
  const header: Record<string, SafetensorsEntry> = {};
  let end = 0;
  for (const { name, tensor } of entries) {
    const start = end;
    end += tensor.data.byteLength;
    header[name] = { dtype: NAMES[tensor.dtype], shape: tensor.shape, data_offsets: [start, end] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  // Spaces, so that the data is aligned.
  const length = Math.ceil(text.length / LENGTH_BYTES) * LENGTH_BYTES;
  const file = new Uint8Array(LENGTH_BYTES + length + end).fill(32, LENGTH_BYTES, LENGTH_BYTES + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.set(text, LENGTH_BYTES);
  for (const { name, tensor } of entries) {
    const { buffer, byteOffset, byteLength } = tensor.data;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    file.set(bytes, LENGTH_BYTES + length + header[name].data_offsets[0]);
  }
  return file;
}

/** The values of one tensor of a file, or nothing where it has none of that name. */
export function readSafetensors(
  context: Context,
  name: string,
  file: ArrayBuffer | Uint8Array,
  key: string,
): ArrayLike<number> | undefined {
  const { entry, data } = checkSafetensors(name, file, key);
  if (entry === undefined) return undefined;
  // A copy is aligned, whatever the file is.
  const { buffer } = data.slice();
  if (entry.dtype === "F64") return new Float64Array(buffer);
  if (entry.dtype === "F32") return new Float32Array(buffer);
  const bits = new Uint16Array(buffer);
  const tensor = new Tensor(
    context,
    name,
    [bits.length],
    bits.length,
    entry.dtype === "F16" ? "f16" : "bf16",
  );
  tensor.data.set(bits);
  const values = tensor.toFloat32Array();
  tensor.dispose();
  return values;
}
