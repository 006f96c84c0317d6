/** The file beside the code, where a host or its bundler makes a compiled module of the import. */
declare module "*/layernorm.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

declare module "*/layernorm.wasm?module" {
  const module: WebAssembly.Module;
  export default module;
}
