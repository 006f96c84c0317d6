import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { batchOf, runEverywhere } from "./support.js";

const batch = batchOf(9, 100);

/** What a host may lack or forbid, before the package is loaded. */
const HOSTS: { what: string; before: string; engine: "simd128" | "js"; flags?: readonly string[] }[] = [
  { what: "everything is there", before: "", engine: "simd128" },
  { what: "WebAssembly is missing", before: "delete globalThis.WebAssembly;", engine: "js" },
  {
    what: "a content-security policy forbids to compile",
    before: `
      const refuse = () => new WebAssembly.CompileError("Refused to compile or instantiate WebAssembly module");
      WebAssembly.Module = new Proxy(WebAssembly.Module, { construct() { throw refuse(); } });
      WebAssembly.compile = WebAssembly.instantiate = async () => { throw refuse(); };`,
    engine: "js",
  },
  {
    what: "SIMD is missing",
    before: `
      const { Module } = WebAssembly;
      const refuse = () => new WebAssembly.CompileError("Wasm SIMD unsupported @+64");
      const hasSimd = (bytes) => Buffer.from(bytes).includes(Buffer.of(0xfd, 0x0c));
      const checked = (bytes) => { if (hasSimd(bytes)) throw refuse(); return new Module(bytes); };
      WebAssembly.Module = new Proxy(Module, { construct: (_, [bytes]) => checked(bytes) });
      WebAssembly.compile = async (bytes) => checked(bytes);`,
    engine: "js",
  },
  // A processor without SSE 4.1 has no WebAssembly SIMD.
  ...(process.arch === "x64"
    ? [
        {
          what: "the processor has no SIMD",
          before: "",
          engine: "js",
          flags: ["--no-enable-sse4-1"],
        } as const,
      ]
    : []),
];

/** Runs `code` in a host of its own: gives what it prints, as JSON. */
async function runIn({ before, flags = [] }: (typeof HOSTS)[number], code: string) {
  const script = `${before}\nconst api = await import("layernorm-wasm");\n${code}`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...flags, "--input-type=module", "--eval", script],
    { cwd: fileURLToPath(new URL("..", import.meta.url)), maxBuffer: 2 ** 24 },
  );
  return JSON.parse(stdout);
}

/** Numbers as bits, which JSON keeps. */
const bits = (values: Float32Array) =>
  Array.from(new Uint32Array(values.buffer, values.byteOffset, values.length));

const code = (first: string) => `
  ${first}
  const floats = (bits) => new Float32Array(Uint32Array.from(bits).buffer);
  const [x, dy, gamma, beta] = ${JSON.stringify([batch.x, batch.dy, batch.gamma, batch.beta].map((v) => bits(v as Float32Array)))}.map(floats);
  const forward = api.layerNormForward(x, 100, { gamma, beta });
  const backward = api.layerNormBackward(dy, x, 100, { ...forward, gamma });
  const tensor = api.layerNorm(api.tensorFrom(x, [9, 100]), 100);
  const bits = (values) => Array.from(new Uint32Array(values.buffer, values.byteOffset, values.length));
  const results = Object.fromEntries(Object.entries({ ...forward, ...backward }).map(([name, v]) => [name, bits(v)]));
  const engine = api.createRuntime().info().engine;
  console.log(JSON.stringify({ engine, results, tensor: bits(tensor.data) }));`;

describe("the JavaScript engine takes over, with the same bits, where", () => {
  test.concurrent.each(HOSTS)("$what", async (host) => {
    const expected = Object.fromEntries(
      Object.entries(runEverywhere(batch)).map(([name, values]) => [name, bits(values)]),
    );
    const { y } = runEverywhere({ ...batch, gamma: undefined, beta: undefined });
    for (const first of ["", "await api.init(); await api.init();"]) {
      const { engine, results, tensor } = await runIn(host, code(first));
      expect(engine).toBe(host.engine);
      expect(results).toEqual(expected);
      expect(tensor).toEqual(bits(y));
    }
  });
});

test("init() may be called at any time, and again", async () => {
  const runs = await runIn(
    HOSTS[0],
    `const x = Float32Array.of(1, 2, 3, 4);
     const first = api.init();
     const before = api.layerNorm(x, 4);
     await first;
     await Promise.all([api.init(), api.init()]);
     console.log(JSON.stringify([before, api.layerNorm(x, 4)].map((y) => Array.from(y))));`,
  );
  expect(runs[0]).toEqual(runs[1]);
});

test("./js needs no WebAssembly at all, and has its init()", async () => {
  const result = await runIn(
    HOSTS[1],
    `const js = await import("layernorm-wasm/js");
     await js.init();
     console.log(JSON.stringify([js.createRuntime().info().engine, typeof WebAssembly]));`,
  );
  expect(result).toEqual(["js", "undefined"]);
});
