import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Tests start many processes and threads, and each would strip the types of all sources anew: half of a start's time.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/compile', import.meta.url));

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'test/third-party/**'],
    setupFiles: ['test/seed.ts'],
    pool: 'forks',
    // The default leaves a core free; most tests here wait for sockets.
    maxWorkers: '100%',
    reporters: ['default', './test/last-line.ts'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
