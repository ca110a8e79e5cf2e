import type { Locator, Page } from 'playwright-core'
import type { Pages } from '../support/chromium.ts'
import { startExample } from '../support/example.ts'

const PASSWORDS = { ada: 'lovelace', alan: 'turing', grace: 'hopper' }
type Name = keyof typeof PASSWORDS

/** Runs the example on the built package. */
export const startDesk = async ({ tokenSeconds = 60, port = 0 } = {}) => {
  const running = await startExample('auth', {
    env: { PORT: String(port), TOKEN_SECONDS: String(tokenSeconds) },
    ready: /^The example runs at (http:\S+)$/,
  })
  return { ...running, url: running.match[1]! }
}

/** Opens each page as a separate device. Expects the console errors of token requests without a login. */
export const deviceOpener =
  (chromium: Pages) =>
  async (url: string, options = {}): Promise<Page> => {
    const page = await chromium.open(options, { refusals: true })
    await page.goto(url)
    return page
  }

export const submit = async (page: Page, name: string, password: string): Promise<void> => {
  await page.getByLabel('Name', { exact: true }).fill(name)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Log in' }).click()
}

export const untilConnected = (page: Page): Promise<void> =>
  page.getByText('connected over websocket').waitFor()

export const logIn = async (page: Page, name: Name): Promise<void> => {
  await submit(page, name, PASSWORDS[name])
  await untilConnected(page)
}

export const panel = (page: Page, name: string): Locator => page.getByRole('region', { name })
export const press = (page: Page, name: string): Promise<void> =>
  page.getByRole('button', { name, exact: true }).click()
export const devices = (page: Page) => panel(page, 'Your devices').getByRole('listitem')
