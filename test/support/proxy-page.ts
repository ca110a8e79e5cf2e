import type { Page } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import type { Pages } from './chromium.ts'

/**
 * Opens a page behind a faulty proxy. The browser reports every failed connection on the console, so only errors that
 * the page itself throws fail the test.
 */
export const openBehindFaultyProxy = async (chromium: Pages): Promise<Page> => {
  const page = await (await chromium.open()).context().newPage()
  const thrown: string[] = []
  page.setDefaultTimeout(15_000)
  page.on('pageerror', (error) => thrown.push(error.stack ?? String(error)))
  onTestFinished(() => expect(thrown).toEqual([]))
  return page
}
