import type { Engine } from "../engine/abi.js";
import { ADDRESSABLE_BYTES } from "../engine/memory.js";
import { instantiate } from "../engine/simd128.js";
import { checkBytes, checkModule, checkNotDisposed, checkOptions } from "./check.js";
import { Context } from "./context.js";
import {
  LayerNormLayer,
  type LayerNormLayerOptions,
  RmsNormLayer,
  type RmsNormLayerOptions,
} from "./layers.js";
import * as operations from "./operations.js";
import type { NormalizedShape } from "./options.js";
import type * as api from "./public.js";
import { createTensor, createTensorFrom, type Dtype } from "./tensor.js";

declare global {
  namespace WebAssembly {
    // As in the libraries `dom` and `webworker`, for programs that have neither.
    interface Module {}
  }
}

/** What a runtime runs on, and the memory that it holds. */
export interface RuntimeInfo {
  /** `"simd128"` for WebAssembly, `"js"` for plain JavaScript. */
  readonly engine: "simd128" | "js";
  /** Bytes in tensors and scratch. */
  readonly usedBytes: number;
  /** The most that `usedBytes` has been. */
  readonly peakBytes: number;
  /** Bytes of memory held, in use or not: it grows, and shrinks by `dispose()` alone. */
  readonly memoryBytes: number;
}

/** Options of `createRuntime`. */
export interface RuntimeOptions {
  /** The compiled WebAssembly file of this package, to compile it once for several runtimes or workers. */
  readonly module?: WebAssembly.Module | undefined;
  /** Memory to start with, in bytes; as little as possible where it is left out. */
  readonly initialBytes?: number | undefined;
  /** Memory to grow to at most, in bytes, which are held in pages of 64 KiB; what 32-bit addresses reach where it is left out. */
  readonly maxBytes?: number | undefined;
}

/** The functions and classes of the package, on a memory of their own. */
export interface Runtime {
  readonly layerNorm: typeof api.layerNorm;
  readonly layerNormForward: typeof api.layerNormForward;
  readonly layerNormBackward: typeof api.layerNormBackward;
  readonly rmsNorm: typeof api.rmsNorm;
  readonly rmsNormForward: typeof api.rmsNormForward;
  readonly rmsNormBackward: typeof api.rmsNormBackward;
  readonly addLayerNorm: typeof api.addLayerNorm;
  readonly addLayerNormBackward: typeof api.addLayerNormBackward;
  readonly addRmsNorm: typeof api.addRmsNorm;
  readonly addRmsNormBackward: typeof api.addRmsNormBackward;
  readonly tensor: typeof api.tensor;
  readonly tensorFrom: typeof api.tensorFrom;
  readonly LayerNorm: typeof api.LayerNorm;
  readonly RMSNorm: typeof api.RMSNorm;
  /** The engine and its memory, as they are now. */
  info(): RuntimeInfo;
  /** Drops the memory, with all tensors in it: the one way that WebAssembly gives memory back. */
  dispose(): void;
  /** `dispose()`, at the end of the block of a `using` declaration. */
  [Symbol.dispose](): void;
}

/** @internal A runtime on the engine that `start` makes. */
export function makeRuntime(start: () => Engine, options: RuntimeOptions | undefined): Runtime {
  const { initialBytes, maxBytes } = checkOptions("createRuntime", options);
  const most = checkBytes("createRuntime", "maxBytes", maxBytes, ADDRESSABLE_BYTES, ADDRESSABLE_BYTES);
  const context = new Context(start, {
    maxBytes: most,
    initialBytes: checkBytes("createRuntime", "initialBytes", initialBytes, 0, most),
  });
  context.begin();
  return runtimeOn(context);
}

/** @internal A runtime on `options.module`, or else on the engine that `start` makes. */
export function makeRuntimeOfModule(start: () => Engine, options: RuntimeOptions | undefined): Runtime {
  const module = options?.module;
  if (module === undefined) return makeRuntime(start, options);
  checkModule("createRuntime", "module", module);
  return makeRuntime(() => instantiate(module), options);
}

/** @internal `operation` on `context`, with the type of the package's own function. */
export function bind<F>(context: Context, operation: (context: Context, ...rest: never[]) => unknown): F {
  return operation.bind(undefined, context) as F;
}

/** @internal The class `LayerNorm` on `context`. */
export function layerNormOn(context: Context): typeof api.LayerNorm {
  return class LayerNorm<D extends Dtype = "f32"> extends LayerNormLayer<D> {
    constructor(normalizedShape: NormalizedShape, options?: LayerNormLayerOptions<D>) {
      super(context, normalizedShape, options);
    }
  };
}

/** @internal The class `RMSNorm` on `context`. */
export function rmsNormOn(context: Context): typeof api.RMSNorm {
  return class RMSNorm<D extends Dtype = "f32"> extends RmsNormLayer<D> {
    constructor(normalizedShape: NormalizedShape, options?: RmsNormLayerOptions<D>) {
      super(context, normalizedShape, options);
    }
  };
}

/** @internal All that the package exports, on a module that the host has compiled. */
export function entryOn(module: WebAssembly.Module): Omit<typeof api, "Tensor"> {
  const start = () => instantiate(module);
  const createRuntime = (options?: RuntimeOptions) => makeRuntimeOfModule(start, options);
  return { ...runtimeOn(new Context(start)), createRuntime, init: async () => {} };
}

/** @internal The functions and classes of the package, on `context`. */
export function runtimeOn(context: Context): Runtime {
  // One by one: an object of all of them would stay in bundles that use one.
  const runtime = {
    layerNorm: operations.layerNorm.bind(undefined, context),
    layerNormForward: operations.layerNormForward.bind(undefined, context),
    layerNormBackward: operations.layerNormBackward.bind(undefined, context),
    rmsNorm: operations.rmsNorm.bind(undefined, context),
    rmsNormForward: operations.rmsNormForward.bind(undefined, context),
    rmsNormBackward: operations.rmsNormBackward.bind(undefined, context),
    addLayerNorm: operations.addLayerNorm.bind(undefined, context),
    addLayerNormBackward: operations.addLayerNormBackward.bind(undefined, context),
    addRmsNorm: operations.addRmsNorm.bind(undefined, context),
    addRmsNormBackward: operations.addRmsNormBackward.bind(undefined, context),
    tensor: createTensor.bind(undefined, context),
    tensorFrom: createTensorFrom.bind(undefined, context),
    LayerNorm: layerNormOn(context),
    RMSNorm: rmsNormOn(context),
    info(): RuntimeInfo {
      checkNotDisposed("runtime.info", context.disposed);
      const { usedBytes, peakBytes, memoryBytes } = context.memory;
      return { engine: context.engine.name, usedBytes, peakBytes, memoryBytes };
    },
    dispose: () => context.dispose(),
    [Symbol.dispose]: () => context.dispose(),
  };
  return runtime as unknown as Runtime;
}
