import { describe, expect, test } from "vitest";
import { type Case, caseOf, runCase } from "./family.js";
import { roundAll } from "./half.js";
import { type Api, engines, halves, type Kind, kinds, normal, sameBits } from "./support.js";

/*
 * Layers of RMSNorm, and of other types of storage: what they give is what the functions give. LayerNorm in f32 has
 * layers.test.ts.
 */

interface Tensor {
  readonly dtype: string;
  toFloat32Array(): Float32Array;
}

interface Layer {
  readonly gamma?: Tensor;
  readonly beta?: Tensor;
  readonly dgamma?: Tensor;
  readonly dbeta?: Tensor;
  forward(x: Float32Array): Float32Array;
  backward(dy: Float32Array): Float32Array;
  zeroGrad(): void;
  parameters(): { readonly name: string; readonly value: Tensor; readonly gradient: Tensor }[];
  loadStateDict(state: Record<string, Float32Array>): void;
  stateDict(): Record<string, unknown>;
  dispose(): void;
}

type Options = Record<string, unknown>;
const make = (api: Pick<Api, "tensor">, name: "LayerNorm" | "RMSNorm", options?: Options) =>
  new (api as unknown as Record<string, new (shape: number[], options?: Options) => Layer>)[name](
    [3, 4],
    options,
  );

const [plain, tensor] = kinds;
const [f16, bf16] = halves;

/** Layers, the kind of x, and of the parameters that give the same by a call of a function. */
const LAYERS: [
  name: "LayerNorm" | "RMSNorm",
  options: Options,
  x: Kind<Float32Array>,
  of: Kind<Float32Array>,
][] = [
  ["RMSNorm", {}, plain, plain],
  ["RMSNorm", {}, tensor, tensor],
  ["RMSNorm", { unitOffset: true, eps: 0.5 }, plain, plain],
  ["RMSNorm", { unitOffset: true }, tensor, tensor],
  ["RMSNorm", { affine: false }, tensor, tensor],
  ["RMSNorm", { dtype: "f16" }, f16, f16],
  ["RMSNorm", { dtype: "bf16", unitOffset: true }, bf16, bf16],
  ["RMSNorm", {}, bf16, tensor],
  ["LayerNorm", { dtype: "bf16" }, bf16, bf16],
  ["LayerNorm", { dtype: "f16", bias: false }, f16, f16],
  ["LayerNorm", {}, f16, tensor],
];

describe.each(engines)("%s", (_, api) => {
  test.each(LAYERS)("%s %o", (name, options, kind, ofParameters) => {
    const { affine = true, bias = true, unitOffset, eps } = options;
    const layer = make(api, name, options);
    const operation = name === "LayerNorm" ? "layerNorm" : "rmsNorm";
    const stored = (values: Float32Array, { name }: Kind<Float32Array>) =>
      name === "f16" || name === "bf16" ? roundAll(name, values) : values;
    const hasBeta = affine === true && bias === true && name === "LayerNorm";
    const made = caseOf({ operation, shape: [5, 3, 4], axes: 2, gamma: affine === true, beta: hasBeta });
    const of: Case = {
      ...made,
      ...{ eps: eps as number | undefined, unitOffset: unitOffset as boolean | undefined },
      ...{ x: stored(made.x, kind), dy: stored(made.dy, kind) },
      gamma: made.gamma && stored(made.gamma, ofParameters),
      beta: made.beta && stored(made.beta, ofParameters),
    };

    const names = [...(of.gamma ? ["weight"] : []), ...(of.beta ? ["bias"] : [])];
    expect(layer.parameters().map(({ name }) => name)).toEqual(names);
    for (const { name, value, gradient } of layer.parameters()) {
      const start = name === "weight" && !unitOffset ? 1 : 0;
      expect(value.toFloat32Array()).toEqual(new Float32Array(12).fill(start));
      expect(gradient.toFloat32Array()).toEqual(new Float32Array(12));
      expect([value.dtype, gradient.dtype]).toEqual(Array(2).fill(options.dtype ?? "f32"));
    }

    const state = { ...(of.gamma && { weight: of.gamma }), ...(of.beta && { bias: of.beta }) };
    layer.loadStateDict(state);
    sameBits("parameters", read(layer, "value"), state);
    const other = make(api, name, options);
    other.loadStateDict(layer.stateDict() as Record<string, Float32Array>);
    sameBits("parameters of another layer", read(other, "value"), state);
    expect(() => layer.loadStateDict({ ...state, running: normal(12, 1) })).toThrow(/running/);

    const [x, dy] = [kind.give(api, of.x, of.shape), kind.give(api, of.dy, of.shape)];
    const y = layer.forward(x);
    const dx = layer.backward(dy);
    const expected = runCase(api, kind, of, ofParameters);
    sameBits("results", { y: kind.values(y), dx: kind.values(dx) }, { y: expected.y, dx: expected.dx });
    const gradients = {
      ...(of.gamma && { weight: expected.dgamma }),
      ...(of.beta && { bias: expected.dbeta }),
    };
    sameBits("gradients", read(layer, "gradient"), gradients);
    layer.zeroGrad();
    for (const { gradient } of layer.parameters())
      expect(gradient.toFloat32Array()).toEqual(new Float32Array(12));
    kind.dispose(x, dy, y, dx);
    layer.dispose();
    other.dispose();
  });
});

/** The parameters of a layer, or their gradients, by their names. */
const read = (layer: Layer, what: "value" | "gradient") =>
  Object.fromEntries(
    layer.parameters().map((parameter) => [parameter.name, parameter[what].toFloat32Array()]),
  );
