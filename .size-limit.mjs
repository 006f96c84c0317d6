/** Each entry with all that it exports, bundled, minified and gzipped; the file as it is. */
export default [
  { name: "layernorm-wasm", path: "dist/index.js", gzip: true, limit: "31 kB" },
  { name: "layernorm-wasm/slim", path: "dist/slim.js", gzip: true, limit: "17.5 kB" },
  {
    name: "layernorm-wasm/tfjs",
    path: "dist/tfjs.js",
    gzip: true,
    ignore: ["@tensorflow/tfjs-core", "@tensorflow/tfjs-layers"],
    limit: "32 kB",
  },
  { name: "layernorm-wasm/js", path: "dist/js.js", gzip: true, limit: "16.5 kB" },
  {
    name: "layernorm-wasm/layernorm.wasm",
    path: "dist/layernorm.wasm",
    brotli: false,
    limit: "37500 B",
    modifyEsbuildConfig: (config) => ({ ...config, loader: { ".wasm": "copy" } }),
  },
];
