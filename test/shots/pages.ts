import type { Browser, Page } from 'playwright-core'

const SIZE = { width: 1240, height: 860 }

/** Opens the page of the chat, and enters the lobby. */
export const enter = async (
  browser: Browser,
  url: string,
  name: string,
  colorScheme: 'light' | 'dark' = 'light',
): Promise<Page> => {
  const context = await browser.newContext({ viewport: SIZE, colorScheme })
  const page = await context.newPage()
  await page.goto(`${url}/#/room/lobby`)
  await page.getByLabel('Your name').fill(name)
  await page.getByRole('button', { name: 'Enter the room' }).click()
  await page.getByText('Connected over websocket').first().waitFor()
  await page.getByText('The handlers of the server').waitFor()
  return page
}

/** Writes a message, and waits until the server has stored it. */
export const say = async (page: Page, text: string): Promise<void> => {
  const field = page.getByRole('textbox', { name: 'Message' })
  await field.fill(text)
  await field.press('Enter')
  await page.locator('.message.own[data-state=sent]').filter({ hasText: text }).waitFor()
}
