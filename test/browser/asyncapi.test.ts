import { asyncapi } from 'rookery/asyncapi'
import { describe, expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { useChromium } from '../support/chromium.ts'
import { mixed } from '../support/mixed-contract.ts'

const chromium = useChromium()

const start = () =>
  startApp({ plugins: [asyncapi({ contract: mixed, info: { title: 'Chat' } })] }).then(({ url }) => url)

describe('the page of asyncapi()', () => {
  it('loads under its security policy with its styles, and leads to the document', async () => {
    const url = await start()
    const page = await chromium.open()
    await page.goto(`${url}/asyncapi`)
    expect(await page.title()).toBe('Chat')
    expect(await page.evaluate('getComputedStyle(document.body).display')).toBe('grid')
    await page.getByRole('link', { name: 'chat/send' }).click()
    expect(await page.evaluate('document.querySelector(":target").id')).toBe('calls/chat/send')
    await page.getByRole('link', { name: 'AsyncAPI document' }).click()
    await page.waitForURL(`${url}/asyncapi.json`)
  })

  it('follows the color scheme, and fits on a phone', async () => {
    const url = await start()
    const backgrounds = new Set<unknown>()
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await chromium.open({ colorScheme, viewport: { width: 320, height: 700 } })
      await page.goto(`${url}/asyncapi`)
      backgrounds.add(await page.evaluate('getComputedStyle(document.body).backgroundColor'))
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
    }
    expect(backgrounds.size).toBe(2)
  })
})
