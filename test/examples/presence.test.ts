import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { eventually } from '../browser/support.ts'
import { seriousFindings } from '../support/axe.ts'
import { useChromium } from '../support/chromium.ts'
import { startExample } from '../support/example.ts'

const chromium = useChromium()

const startHouse = async (): Promise<string> => {
  const { match } = await startExample('presence', {
    env: { PORT: '0' },
    ready: /^The house is open: (http:\S+)$/,
  })
  return match[1]!
}

const enterHouse = async (page: Page, url: string, name: string): Promise<Page> => {
  await page.goto(url)
  await page.getByLabel('Your name').fill(name)
  await page.getByRole('button', { name: 'Enter the house' }).click()
  await page.getByRole('status').getByText('Live', { exact: true }).waitFor()
  return page
}

const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()

const peopleIn = (page: Page, room: string) => () =>
  page.getByRole('region', { name: room }).locator('.name').allTextContents()

describe('the board of the presence example', () => {
  it('shows who is in which room, and a person with two tabs once', async () => {
    const url = await startHouse()
    const first = await enterHouse(await chromium.open(), url, 'ada')
    const second = await enterHouse(await chromium.openIn(first.context()), url, 'ada')
    const bob = await enterHouse(await chromium.open(), url, 'bob')
    await press(first, 'Enter the kitchen')
    await press(second, 'Enter the kitchen')
    await press(bob, 'Enter the library')
    for (const page of [first, second, bob]) {
      await eventually(peopleIn(page, 'library')).toEqual(['bob'])
      await eventually(peopleIn(page, 'kitchen')).toEqual(['ada'])
    }
    await press(second, 'Enter the workshop')
    await eventually(peopleIn(bob, 'workshop')).toEqual(['ada'])
    expect(await peopleIn(bob, 'kitchen')()).toEqual(['ada'])
    await first.close()
    await eventually(peopleIn(bob, 'kitchen')).toEqual([])
    expect(await peopleIn(bob, 'workshop')()).toEqual(['ada'])
    await press(second, 'Leave the workshop')
    await eventually(peopleIn(bob, 'workshop')).toEqual([])
  })

  it.each([
    ['desktop', { viewport: { width: 1280, height: 800 } }],
    [
      'phone',
      { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
    ],
  ] as const)('fits the screen of a %s, and axe-core finds nothing serious', async (screen, options) => {
    const url = await startHouse()
    const bob = await enterHouse(await chromium.open(), url, 'bob')
    await press(bob, 'Enter the kitchen')
    const ada = await enterHouse(await chromium.open(options), url, 'ada')
    await press(ada, 'Enter the kitchen')
    await eventually(peopleIn(ada, 'kitchen')).toEqual(['bob', 'ada'])
    for (const colorScheme of ['light', 'dark'] as const) {
      await ada.emulateMedia({ colorScheme })
      const file = `../browser/screenshots/presence-${screen}-${colorScheme}.png`
      await ada.screenshot({ path: fileURLToPath(new URL(file, import.meta.url)), fullPage: true })
      expect(await seriousFindings(ada), colorScheme).toEqual([])
    }
    expect(await ada.evaluate(() => document.documentElement.scrollWidth)).toBe(options.viewport.width)
  })
})
