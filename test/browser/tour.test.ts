import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { seriousFindings } from '../support/axe.ts'
import { useChromium } from '../support/chromium.ts'
import {
  enter,
  eventually,
  message,
  people,
  say,
  startChat,
  status,
  texts,
  untilConnected,
  untilReconnecting,
  write,
} from './support.ts'

const chromium = useChromium()

const press = (page: Page, name: string): Promise<void> => page.getByRole('button', { name }).click()

const journal = (page: Page, text: string | RegExp) =>
  page.getByRole('log', { name: 'Journal' }).getByText(text)

/** What the panel shows beside a label. */
const reading = (page: Page, label: string) =>
  page.locator('.readings div').filter({ hasText: label }).locator('dd')

const enterTour = async (name = 'ada') => {
  const { url } = await startChat()
  const page = await chromium.open()
  await enter(page, url, name)
  await page.getByRole('button', { name: 'Slow reader' }).waitFor()
  return { url, page }
}

describe('the panel beside the chat', () => {
  it('shows the connection and the figures; what a bot wrote while it was cut off arrives once and in order', async () => {
    const { page } = await enterTour()
    expect(await reading(page, 'Transport').textContent()).toBe('websocket')
    await eventually(() => reading(page, 'Round trip').textContent()).toMatch(/^\d+\.\d ms$/)
    await eventually(() => reading(page, 'Node').textContent()).toMatch(/^\w{12}$/)
    await eventually(() => reading(page, 'Session').textContent()).toMatch(/^[\w-]{8}…$/)
    const cursor = await reading(page, 'Cursor').textContent()
    await press(page, 'Cut the connection')
    await journal(page, 'The connection is lost').waitFor()
    // On a busy machine, the first lines may arrive before the cut.
    await journal(
      page,
      /^\S+( [AP]M)? [1-3] missed messages? recovered, in order and once\. Lost: 0$/,
    ).waitFor()
    expect(await texts(page)).toEqual([
      'You are offline now.',
      'Your page will get these lines when it is back.',
      'In order, and once.',
    ])
    await eventually(() => reading(page, 'Cursor').textContent()).not.toBe(cursor)
    expect(await reading(page, 'Frames').textContent()).toMatch(/^[1-9]\d* in, [1-9]\d* out$/)
    await page.getByText('The handlers of the server').click()
    await page.getByText("app.handle('chat/send'").waitFor()
  })

  it('blocks WebSocket, and restarts the server: everything that was written is sent, and a new member sees it', async () => {
    const { url, page } = await enterTour()
    await press(page, 'Block WebSocket')
    await status(page).getByText('Connected over sse').waitFor()
    await say(page, 'over sse')
    expect(await reading(page, 'Transport').textContent()).toBe('sse')
    await press(page, 'Block WebSocket')
    await untilConnected(page)
    const node = await reading(page, 'Node').textContent()
    await press(page, 'Restart the server')
    await journal(page, 'The server stops').waitFor()
    await untilReconnecting(page)
    await write(page, 'meanwhile')
    await page.locator('.message.own[data-state=sent]').filter({ hasText: 'meanwhile' }).waitFor()
    await eventually(() => reading(page, 'Node').textContent()).not.toBe(node)
    expect(await journal(page, 'may be missing').count()).toBe(0)
    const bob = await chromium.open()
    await enter(bob, url, 'bob')
    await message(bob, 'meanwhile').waitFor()
    expect(await texts(bob)).toEqual(['over sse', 'meanwhile'])
    await press(bob, 'Slow reader')
    await journal(bob, /It got all 12,000 messages .* wrong or lost: 0\./).waitFor()
  })

  it('opens and closes by keyboard on a small screen', async () => {
    const { url } = await startChat()
    const page = await chromium.open({ viewport: { width: 360, height: 740 } })
    await enter(page, url, 'ada')
    const panel = page.getByRole('complementary', { name: 'What happens' })
    expect(await panel.isVisible()).toBe(false)
    await page.getByRole('button', { name: 'What happens' }).focus()
    await page.keyboard.press('Enter')
    await panel.waitFor()
    await page.keyboard.press('Escape')
    expect(await panel.isVisible()).toBe(false)
  })
})

it('a second tab is a second person, and gets the name back when it is reloaded', async () => {
  const { url, page } = await enterTour('Ada')
  const second = await chromium.openIn(page.context())
  await second.goto(`${url}/#/room/lobby`)
  const name = second.getByLabel('Your name')
  await eventually(() => name.inputValue()).toMatch(/^(?!Ada$)\w+$/)
  const suggested = await name.inputValue()
  await second.keyboard.press('Enter')
  await untilConnected(second)
  await eventually(() => people(page)).toEqual(['Ada', suggested])
  await second.reload()
  await untilConnected(second)
  expect(await people(second)).toEqual([suggested, 'Ada'])
})

describe.each([
  ['desktop', { viewport: { width: 1280, height: 860 } }],
  ['phone', { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }],
] as const)('on a %s', (_screen, options) => {
  it('the chat and its panel have no serious finding of axe', async () => {
    const { url } = await startChat()
    const page = await chromium.open(options)
    await page.goto(url)
    await page.getByLabel('Your name').waitFor()
    const found = [await seriousFindings(page)]
    await enter(page, url, 'ada')
    await say(page, 'hello')
    found.push(await seriousFindings(page))
    const panel = page.getByRole('complementary', { name: 'What happens' })
    if (!(await panel.isVisible())) await press(page, 'What happens')
    await press(page, 'Block WebSocket')
    await journal(page, 'Connected over sse').waitFor()
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      found.push(await seriousFindings(page))
    }
    expect(found.flat()).toEqual([])
  })
})
