import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Pictures of whole pages, and builds of the package: `npm run test:slow`. They take a minute and a half of the twenty that CI has. */
export const SLOW = [
  'test/browser/looks.test.ts',
  'test/browser/auth-looks.test.ts',
  'test/examples/orders-looks.test.ts',
  'test/package/build.test.ts',
]

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
    exclude: SLOW,
    setupFiles: ['test/support/wait-for.ts'],
    // A browser on a busy machine takes its time; what waits for a condition has a limit of its own.
    testTimeout: 90_000,
    hookTimeout: 120_000,
    // Real sockets, browsers and processes share two cores: more workers only add noise.
    maxWorkers: 2,
  },
})
