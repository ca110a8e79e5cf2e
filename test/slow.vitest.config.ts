import { defineConfig } from 'vitest/config'
import config, { SLOW } from '../vitest.config.ts'

const { test, ...others } = config

/** The tests that `npm test` leaves out. */
export default defineConfig({ ...others, root: '.', test: { ...test, include: SLOW, exclude: [] } })
