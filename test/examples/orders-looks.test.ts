import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { seriousFindings } from '../support/axe.ts'
import { useChromium } from '../support/chromium.ts'
import { enterAs, order, place, startShop } from './orders-support.ts'

const chromium = useChromium()

describe.each([
  ['desktop', { viewport: { width: 1280, height: 800 } }],
  ['phone', { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }],
] as const)('on a %s', (screen, options) => {
  /** Saves screenshots in both colour schemes. Expects that the page fits the screen and is accessible. */
  const examine = async (page: Page, name: string): Promise<void> => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      const file = `../browser/screenshots/orders-${screen}-${name}-${colorScheme}.png`
      const path = fileURLToPath(new URL(file, import.meta.url))
      await page.screenshot({ path, fullPage: true, animations: 'disabled', caret: 'hide' })
      expect(await seriousFindings(page), `${name} in ${colorScheme}`).toEqual([])
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(options.viewport.width)
    const small = await page.evaluate(() =>
      [...document.querySelectorAll('button, label.item')]
        .filter((target) => target.getBoundingClientRect().height < 36)
        .map((target) => target.textContent),
    )
    expect(small, 'too small for a thumb').toEqual([])
  }

  it('the pages of the orders example fit the screen, and axe-core finds nothing serious', async () => {
    const url = await startShop()
    const entrance = await chromium.open(options)
    await entrance.goto(url)
    await entrance.getByRole('button', { name: 'Grace' }).waitFor()
    await examine(entrance, 'entrance')
    const ada = await enterAs(chromium, url, 'Ada', options)
    const grace = await enterAs(chromium, url, 'Grace', options)
    for (const item of ['Espresso', 'Green tea', 'Walnut cake']) await place(ada, item)
    for (const action of ['Start', 'Ready'])
      await grace.getByRole('button', { name: `${action}: Espresso` }).click()
    await grace.getByRole('button', { name: 'Start: Green tea' }).click()
    await order(ada, 'Green tea').locator('[aria-current=step]').getByText('preparing').waitFor()
    await grace.getByRole('switch').click()
    await ada.getByText('The shop is closed.').waitFor()
    await examine(ada, 'customer')
    await examine(grace, 'staff')
  })
})
