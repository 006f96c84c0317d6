import { configDefaults, defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, "test/packaging"], // has a configuration of its own
    // With gc() at hand, to see that forgotten tensors are freed.
    execArgv: ["--expose-gc"],
    testTimeout: 120_000,
  },
});
