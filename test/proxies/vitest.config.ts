import { defineConfig, mergeConfig } from 'vitest/config'
import base from '../../vitest.config.ts'

/** For `npm run test:proxies`: what needs proxies has names of its own, so that `npm test` leaves it out. */
const { test: { projects: _, ...test } = {}, ...rest } = base
export default mergeConfig(
  rest,
  defineConfig({
    test: { ...test, include: ['test/proxies/*.check.ts'], maxWorkers: 1 },
  }),
)
