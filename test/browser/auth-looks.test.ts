import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { useChromium } from '../support/chromium.ts'
import { deviceOpener, devices, logIn, press, startDesk, submit } from './auth-support.ts'
import { eventually } from './support.ts'

const chromium = useChromium()
const openDevice = deviceOpener(chromium)

describe.each([
  ['desktop', { viewport: { width: 1280, height: 800 } }],
  ['phone', { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }],
] as const)('on a %s', (screen, options) => {
  /** Saves screenshots in both colour schemes. Expects that no element is outside the screen or too small. */
  const shoot = async (page: Page, name: string): Promise<void> => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      const file = `screenshots/auth-${screen}-${name}-${colorScheme}.png`
      const path = fileURLToPath(new URL(file, import.meta.url))
      await page.screenshot({ path, fullPage: true, animations: 'disabled', caret: 'hide' })
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(options.viewport.width)
    const small = await page.evaluate(() =>
      [...document.querySelectorAll('button, input, select')]
        .map((target) => [target.id || target.textContent, target.getBoundingClientRect()] as const)
        .filter(([, { width, height }]) => width > 0 && (width < 36 || height < 36))
        .map(([name]) => name),
    )
    expect(small, 'too small for a thumb').toEqual([])
  }

  it('the login and the desk fit the screen', async () => {
    const { url } = await startDesk()
    const page = await openDevice(url, options)
    await page.getByRole('button', { name: 'Log in' }).waitFor()
    await shoot(page, 'login')
    await submit(page, 'ada', 'wrong')
    await page.getByRole('alert').waitFor()
    await shoot(page, 'wrong')
    await logIn(page, 'ada')
    const other = await openDevice(url)
    await logIn(other, 'ada')
    const alan = await openDevice(url)
    await logIn(alan, 'alan')
    await alan.getByLabel('To', { exact: true }).selectOption('ada')
    for (const text of [
      'Have you seen the new machine?',
      'https://example.com/an/address/that/has/no/space/in/it',
    ]) {
      await alan.getByLabel('Private note').fill(text)
      await alan.getByLabel('Private note').press('Enter')
      await page.getByText(text).waitFor()
    }
    await alan.getByLabel('Note to everybody').fill('Tea at four.')
    await alan.getByLabel('Note to everybody').press('Enter')
    await press(page, 'Listen to users/alan/*')
    await page.getByText('You may not').waitFor()
    await eventually(() => devices(page).count()).toBe(2)
    await shoot(page, 'desk')
    await press(other, 'Log out everywhere')
    await page.getByText('You chose').waitFor()
    await shoot(page, 'logged-out')
  })
})
