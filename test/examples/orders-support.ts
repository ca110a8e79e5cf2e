import type { Locator, Page } from 'playwright-core'
import type { Pages } from '../support/chromium.ts'
import { startExample } from '../support/example.ts'

/** Runs the example on the built package. */
export const startShop = async (mode: 'production' | 'development' = 'production'): Promise<string> => {
  const { match } = await startExample('orders', {
    env: { PORT: '0', NODE_ENV: mode },
    ready: /^The shop is open: (http:\S+)$/,
  })
  return match[1]!
}

export const untilLive = (page: Page): Promise<void> =>
  page.getByRole('status').getByText('Live over websocket').waitFor()

/** Opens the page and becomes a person of the demo. */
export const enterAs = async (chromium: Pages, url: string, name: string, options = {}): Promise<Page> => {
  const page = await chromium.open(options)
  await page.goto(url)
  await page.getByRole('button', { name }).click()
  await untilLive(page)
  return page
}

export const place = async (page: Page, item: string): Promise<void> => {
  await page.getByLabel(item).check()
  await page.getByRole('button', { name: 'Order', exact: true }).click()
  await order(page, item).first().waitFor()
}

export const order = (page: Page, item: string): Locator =>
  page.locator('.order').filter({ has: page.getByRole('heading', { name: item }) })
