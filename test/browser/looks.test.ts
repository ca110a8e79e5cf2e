import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { useChromium } from '../support/chromium.ts'
import { freePort } from '../support/processes.ts'
import { enter, field, message, say, startChat, untilReconnecting, write } from './support.ts'

const chromium = useChromium()

const SCREENS = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
}

const SCHEMES = ['light', 'dark'] as const

/** Saves screenshots in both colour schemes. Expects that they are not blank, and light or dark. */
const shoot = async (page: Page, name: string): Promise<void> => {
  const brightness: number[] = []
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme })
    const path = fileURLToPath(new URL(`screenshots/${name}-${colorScheme}.png`, import.meta.url))
    const png = await page.screenshot({ path, animations: 'disabled', caret: 'hide' })
    const picture = await examine(page, png)
    expect(picture.colours, `${name} in ${colorScheme} is not blank`).toBeGreaterThan(20)
    brightness.push(picture.brightness)
  }
  const [light, dark] = brightness
  expect(light).toBeGreaterThan(0.8)
  expect(dark).toBeLessThan(0.25)
}

/** Decodes a screenshot in a blank page of the same browser. */
const examine = async (page: Page, png: Buffer): Promise<{ colours: number; brightness: number }> => {
  const blank = await page.context().newPage()
  try {
    return await blank.evaluate(async (base64) => {
      const image = new Image()
      image.src = `data:image/png;base64,${base64}`
      await image.decode()
      const { width, height } = image
      const canvas = new OffscreenCanvas(width, height).getContext('2d')!
      canvas.drawImage(image, 0, 0)
      const { data } = canvas.getImageData(0, 0, width, height)
      const colours = new Set<number>()
      let sum = 0
      for (let i = 0; i < data.length; i += 4) {
        const [red, green, blue] = [data[i]!, data[i + 1]!, data[i + 2]!]
        colours.add((red << 16) | (green << 8) | blue)
        sum += (red + green + blue) / 765
      }
      return { colours: colours.size, brightness: sum / (data.length / 4) }
    }, png.toString('base64'))
  } finally {
    await blank.close()
  }
}

/** The faults of the layout. */
const flaws = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const found: string[] = []
    const { innerWidth: width, innerHeight: height } = window
    if (document.documentElement.scrollWidth > width) found.push('the page scrolls sideways')
    if (document.documentElement.scrollHeight > height) found.push('the page scrolls')
    const log = document.getElementById('log')!
    if (log.scrollWidth > log.clientWidth) found.push('the messages scroll sideways')
    const inside = (element: Element) => {
      const { left, right, top, bottom, width: w, height: h } = element.getBoundingClientRect()
      if (w > 0 && (left < 0 || right > width || top < 0 || bottom > height)) {
        found.push(`${element.id || element.className} sticks out of the screen`)
      }
      return { left, right, top, bottom, width: w, height: h }
    }
    const apart = (selector: string) => {
      const boxes = [...document.querySelectorAll(selector)].map((element) => ({
        name: element.id || element.textContent || element.className,
        ...inside(element),
      }))
      for (const [index, one] of boxes.entries()) {
        for (const other of boxes.slice(index + 1)) {
          const overlap =
            one.left < other.right - 0.5 &&
            other.left < one.right - 0.5 &&
            one.top < other.bottom - 0.5 &&
            other.top < one.bottom - 0.5
          if (overlap) found.push(`'${one.name}' overlaps '${other.name}'`)
        }
      }
    }
    apart('.bar > *, .log, .typing, .composer')
    apart('.composer > textarea, .composer > output, .composer > button')
    for (const target of document.querySelectorAll<HTMLElement>('button.quiet, button.send, .jump')) {
      const { width: w, height: h } = target.getBoundingClientRect()
      if (w > 0 && (w < 36 || h < 36)) found.push(`'${target.id}' is too small for a thumb`)
    }
    return found
  })

const CONVERSATION = [
  ['bob', 'Morning! Is anybody at the nest yet?'],
  ['ada', 'Just landed.'],
  ['ada', 'The wind was on our side, so we came a day early. Did you keep the seeds dry?'],
  ['bob', 'Mostly. Two bags got wet, the rest is under the roof:\n– barley\n– oats\n– a little wheat'],
  ['grace', 'I bring walnuts.'],
  ['bob', 'https://example.com/a/very/long/address/without/a/single/space/that/must/break/somewhere'],
  ['ada', 'See you at seven, then.'],
] as const

describe.each(Object.entries(SCREENS))('on a %s', (screen, options) => {
  it('the entrance fits the screen', async () => {
    const { url } = await startChat()
    const page = await chromium.open(options)
    await page.goto(`${url}/#/room/garden`)
    await page.getByLabel('Your name').waitFor()
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(options.viewport.width)
    await shoot(page, `${screen}-entrance`)
  })

  it('a conversation fits the screen, connected and not', async () => {
    const port = await freePort()
    const server = await startChat(port)
    const room = 'a-room-with-a-rather-long-name'
    const ada = await chromium.open(options)
    await enter(ada, server.url, 'ada', room)
    await ada.getByText('It is quiet in here.').waitFor()
    await shoot(ada, `${screen}-empty`)
    expect(await flaws(ada)).toEqual([])

    const bob = await chromium.open()
    const grace = await chromium.open()
    await enter(bob, server.url, 'bob', room)
    await enter(grace, server.url, 'grace', room)
    const pages = { ada, bob, grace }
    for (const [name, text] of CONVERSATION) await say(pages[name], text)
    await field(bob).pressSequentially('Se')
    await ada.getByText('bob is typing…').waitFor()
    await message(ada, 'at seven').waitFor()
    await shoot(ada, `${screen}-conversation`)
    expect(await flaws(ada)).toEqual([])

    await ada.getByRole('log', { name: 'Messages' }).evaluate((log) => log.scrollTo(0, 0))
    await ada.getByRole('button', { name: 'Latest messages' }).waitFor()
    await say(bob, 'Seven it is. Bring the walnuts!')
    await ada.getByRole('button', { name: '1 new message' }).waitFor()
    await shoot(ada, `${screen}-unread`)
    expect(await flaws(ada)).toEqual([])
    await ada.getByRole('button', { name: '1 new message' }).click()
    await shoot(ada, `${screen}-read`)

    const toggle = ada.getByRole('button', { name: /People/ })
    if (await toggle.isVisible()) {
      await toggle.click()
      await ada.getByRole('complementary', { name: 'People' }).getByText('grace').waitFor()
      await shoot(ada, `${screen}-people`)
      await ada.keyboard.press('Escape')
    }

    await ada.clock.install()
    await ada.clock.pauseAt(Date.now() + 60_000)
    await server.kill('SIGKILL')
    await untilReconnecting(ada)
    await write(ada, 'Is somebody there?')
    await message(ada, 'Waiting to be sent').waitFor()
    await shoot(ada, `${screen}-reconnecting`)
    await ada.clock.runFor(60_000)
    await message(ada, 'Not sent').waitFor()
    await shoot(ada, `${screen}-not-sent`)
    expect((await flaws(ada)).filter((flaw) => !flaw.includes("'status' overlaps 'log'"))).toEqual([])
  })
})
