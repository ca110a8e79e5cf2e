import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Tests that start programs of many processes. */
const PROGRAMS = ['browser/**', 'examples/**', 'package/**', 'cluster/e2e-*'].map(
  (path) => `test/${path}.test.ts`,
)

export default defineConfig({
  resolve: {
    alias: [
      { find: /^rookery$/, replacement: source('./core/index.ts') },
      { find: /^rookery\/client$/, replacement: source('./client/index.ts') },
      { find: /^rookery\/client\/(\w+)$/, replacement: source('./client/$1/index.ts') },
      { find: /^rookery\/react$/, replacement: source('./client/react/index.ts') },
      { find: /^rookery\/([\w/]+)$/, replacement: source('./plugins/$1/index.ts') },
    ],
  },
  test: {
    setupFiles: ['test/support/wait-for.ts'],
    // A browser on a busy machine takes its time; what waits for a condition has a limit of its own.
    testTimeout: 90_000,
    hookTimeout: 120_000,
    // As in test/support/wait-for.ts. Vitest's own second is too short on a busy machine.
    expect: { poll: { timeout: 20_000 } },
    maxWorkers: 2,
    projects: [
      // Browsers, builds, and clusters of many processes keep both cores busy.
      { extends: true, test: { name: 'programs', include: PROGRAMS, sequence: { groupOrder: 0 } } },
      // All others wait for timers and sockets most of the time: two workers would leave half of two cores idle.
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: PROGRAMS,
          sequence: { groupOrder: 1 },
          maxWorkers: 4,
        },
      },
    ],
  },
})
