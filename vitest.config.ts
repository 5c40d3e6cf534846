import { configDefaults, defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    // These need Chromium: npm run test:browser.
    exclude: [...configDefaults.exclude, ...(process.env.LIMBECK_TEST_BROWSER ? [] : ["test/browser/**"])],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 600_000,
    hookTimeout: 600_000,
    setupFiles: ["test/support/setup.ts"],
  },
});
