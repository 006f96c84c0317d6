import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    dir: "test/packaging",
    globalSetup: "test/packaging/install.ts",
    fileParallelism: false, // bundlers and browsers use all processors themselves
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
