import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { useChromium } from '../support/chromium.ts'
import { FaultyProxy, type ProxyFaults } from '../support/proxy.ts'
import { openBehindFaultyProxy } from '../support/proxy-page.ts'
import { enter, eventually, message, people, say, startChat, status, texts, write } from './support.ts'

const chromium = useChromium()

/** Milliseconds within which the chat must work. */
const CONNECT_LIMIT_MS = 5_000

const untilOver = (page: Page, transport: string, timeout = CONNECT_LIMIT_MS) =>
  status(page).getByText(`Connected over ${transport}`).waitFor({ timeout })

/** Enters the lobby and sends a message. Resolves with the milliseconds until the server has received it. */
const enterAndSay = async (page: Page, url: string, name: string, text: string): Promise<number> => {
  await page.goto(`${url}/#/room/lobby`)
  await page.getByLabel('Your name').fill(name)
  const begun = performance.now()
  await page.getByRole('button', { name: 'Enter the room' }).click()
  await say(page, text)
  return performance.now() - begun
}

/** Opens a page that is connected directly, and a page behind a proxy. */
const startTwo = async (faults: ProxyFaults) => {
  const { url } = await startChat()
  const proxy = await FaultyProxy.listen(url, faults)
  const bob = await chromium.open()
  await enter(bob, url, 'bob')
  return { proxy, bob, ada: await openBehindFaultyProxy(chromium) }
}

const FAULTS: [string, ProxyFaults][] = [
  ['that refuses upgrades', { upgrades: 403 }],
  ['that accepts upgrades and forwards nothing', { upgrades: 'swallow' }],
  ['that refuses upgrades and buffers responses', { upgrades: 400, responses: 'buffer' }],
]

describe('the chat works within 5 s, and shows its transport,', () => {
  it('in a browser without WebSocket', async () => {
    const { proxy, ada, bob } = await startTwo({})
    await ada.addInitScript(() => Reflect.deleteProperty(window, 'WebSocket'))
    expect(await enterAndSay(ada, proxy.url, 'ada', 'hello')).toBeLessThan(CONNECT_LIMIT_MS)
    await untilOver(ada, 'sse')
    expect(await ada.evaluate(() => 'WebSocket' in window)).toBe(false)
    await message(bob, 'hello').waitFor()
    await say(bob, 'hello yourself')
    await message(ada, 'hello yourself').waitFor()
    expect(proxy.requests.filter((request) => request.startsWith('UPGRADE'))).toEqual([])
  })

  it.each<[string, ProxyFaults, string]>([
    ...FAULTS.map(([what, faults]): [string, ProxyFaults, string] => [what, faults, 'sse']),
    ['that buffers responses', { responses: 'buffer' }, 'websocket'],
  ])('behind a proxy %s', async (_what, faults, transport) => {
    const { proxy, ada, bob } = await startTwo(faults)
    expect(await enterAndSay(ada, proxy.url, 'ada', 'hello')).toBeLessThan(CONNECT_LIMIT_MS)
    await untilOver(ada, transport)
    await message(bob, 'hello').waitFor()
    await say(bob, 'hello yourself')
    await message(ada, 'hello yourself').waitFor()
    await eventually(async () => (await people(ada)).sort()).toEqual(['ada', 'bob'])
  })
})

describe('a page that fell back', () => {
  it.each(FAULTS)(
    'behind a proxy %s returns to WebSocket when the proxy works again, and loses or repeats no message',
    { timeout: 90_000 },
    async (_what, faults) => {
      const { proxy, ada, bob } = await startTwo(faults)
      await enterAndSay(ada, proxy.url, 'ada', 'number 0.')
      await untilOver(ada, 'sse')
      proxy.heal()
      const returned = untilOver(ada, 'websocket', 60_000).then(() => true)
      let last = 0
      // Both sides send one message after the other, until ten messages after the switch.
      for (let more = 10; more > 0; ) {
        await write(ada, `number ${++last}.`)
        await say(bob, `and ${last}.`)
        if (await Promise.race([returned, false])) more--
      }
      const numbers = Array.from({ length: last + 1 }, (_, index) => `number ${index}.`)
      const answers = Array.from({ length: last }, (_, index) => `and ${index + 1}.`)
      for (const page of [ada, bob]) {
        const shown = (begin: string) =>
          eventually(async () => (await texts(page)).filter((text) => text.startsWith(begin)))
        await shown('number').toEqual(numbers)
        await shown('and').toEqual(answers)
      }
      expect(await ada.locator('[data-state=pending], [data-state=failed]').count()).toBe(0)
      expect(await people(bob)).toEqual(['bob', 'ada'])
      expect(await bob.getByText('ada left').count()).toBe(0)
    },
  )

  it('begins with the transport that worked before when it is loaded again', async () => {
    const { proxy, ada } = await startTwo({ upgrades: 'swallow' })
    await enterAndSay(ada, proxy.url, 'ada', 'before')
    await untilOver(ada, 'sse')
    await ada.reload()
    await untilOver(ada, 'sse')
    await message(ada, 'before').waitFor()
    const loaded = proxy.requests.lastIndexOf('GET /page.js')
    const attempts = proxy.requests.slice(loaded).filter((request) => request.includes('/api/v1/'))
    expect(attempts[0]).toMatch(/^GET \/api\/v1\/sse\?/)
  })
})
