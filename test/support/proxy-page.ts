import type { Page } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import type { Pages } from './chromium.ts'

/**
 * A page that lives behind a faulty proxy: the browser puts every connection that fails on the console, so only what
 * the page itself throws fails the test.
 */
export const openUnlucky = async (chromium: Pages): Promise<Page> => {
  const page = await (await chromium.open()).context().newPage()
  const thrown: string[] = []
  page.setDefaultTimeout(15_000)
  page.on('pageerror', (error) => thrown.push(error.stack ?? String(error)))
  onTestFinished(() => expect(thrown).toEqual([]))
  return page
}
