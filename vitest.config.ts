import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url))

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
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/wait-for.ts'],
    // A browser on a busy machine takes its time; what waits for a condition has a limit of its own.
    testTimeout: 90_000,
    hookTimeout: 120_000,
    // As in test/support/wait-for.ts. Vitest's own second is too short on a busy machine.
    expect: { poll: { timeout: 20_000 } },
    // Most tests wait for timers, sockets and other processes: two workers leave half of two cores idle.
    maxWorkers: 3,
  },
})
