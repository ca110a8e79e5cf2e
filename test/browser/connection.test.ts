import { randomUUID } from 'node:crypto'
import type { Page, WebSocketRoute } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { type BareClient, connectBare } from '../support/bare-client.ts'
import { useChromium } from '../support/chromium.ts'
import { freePort } from '../support/processes.ts'
import { slowdown } from '../support/slowdown.ts'
import {
  enter,
  eventually,
  intercept,
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

/** Opens the pages of two users in a room. The server can be started again on the same port. */
const startTwo = async () => {
  const port = await freePort()
  const server = await startChat(port)
  const ada = await chromium.open()
  const bob = await chromium.open()
  await enter(ada, server.url, 'ada')
  await enter(bob, server.url, 'bob')
  await ada.getByText('bob joined').waitFor()
  return { port, server, ada, bob }
}

/** Time limit in milliseconds. The delay between attempts doubles, so a reconnect may take long. */
const RECONNECT_LIMIT = { timeout: 240_000 }

/** Writes a message without a page. Resolves when the server has stored it. */
const tell = async (from: BareClient, text: string): Promise<void> => {
  const id = randomUUID()
  expect((await from.ask({ topic: 'chat/send', payload: { id, text } })).error).toBeUndefined()
}

/** Stops the timers of a page, so that nothing after this call is due to a timer. */
const stopClock = async (page: Page): Promise<void> => {
  await page.clock.install()
  await page.clock.pauseAt(Date.now() + 60_000)
}

describe('when the server is killed', () => {
  it(
    'pages show it and reconnect, and messages written meanwhile arrive once and in order',
    RECONNECT_LIMIT,
    async () => {
      const { port, server, ada, bob } = await startTwo()
      await say(ada, 'one')
      await message(bob, 'one').waitFor()
      expect(await server.kill('SIGKILL')).toMatchObject({ signal: 'SIGKILL' })
      await untilReconnecting(ada)
      await untilReconnecting(bob)
      for (const text of ['two', 'three', 'four']) await write(ada, text)
      expect(await ada.locator('[data-state=pending]').count()).toBe(3)
      expect(await ada.getByText('Waiting to be sent…').count()).toBe(3)
      await startChat(port)
      await untilConnected(ada)
      await untilConnected(bob)
      await message(bob, 'four').waitFor()
      await eventually(() => ada.locator('[data-state=pending]').count()).toBe(0)
      await say(bob, 'five')
      await message(ada, 'five').waitFor()
      for (const page of [ada, bob]) {
        expect(await texts(page)).toEqual(['one', 'two', 'three', 'four', 'five'])
        await eventually(async () => (await people(page)).sort()).toEqual(['ada', 'bob'])
      }
    },
  )
})

describe('when the connection of a page is lost', () => {
  it('the user can connect at once, and gets what was missed, once and in order', async () => {
    const { url } = await startChat()
    const bob = await connectBare(url, '?username=bob&roomID=lobby')
    const ada = await chromium.open()
    let socket: WebSocketRoute | undefined
    let received: Record<string, unknown>[] = []
    await intercept(ada, {
      onServer: (frame, route) => {
        socket = route
        received.push(frame)
        return false
      },
    })
    await stopClock(ada)
    await enter(ada, url, 'ada')
    await tell(bob, 'before')
    await message(ada, 'before').waitFor()
    await socket?.close({ code: 1011, reason: 'internal' })
    await untilReconnecting(ada)
    const missed = ['one', 'two', 'three']
    for (const text of missed) await tell(bob, text)
    received = []
    await ada.getByRole('button', { name: 'Try now' }).click()
    await message(ada, 'three').waitFor()
    await tell(bob, 'after')
    await message(ada, 'after').waitFor()
    expect(await texts(ada)).toEqual(['before', ...missed, 'after'])
    const messages = received.filter(({ topic }) => topic === 'rooms/lobby/messages')
    expect(messages.map(({ payload, replayed }) => [(payload as { text: string }).text, replayed])).toEqual([
      ...missed.map((text) => [text, true]),
      ['after', undefined],
    ])
  })
})

describe('when the server is stopped', () => {
  it('the process ends within 2 s, and pages reconnect to the next server', RECONNECT_LIMIT, async () => {
    const { port, server, ada, bob } = await startTwo()
    const exit = await server.kill('SIGTERM')
    expect(exit).toMatchObject({ code: 0, signal: null })
    expect(exit.took).toBeLessThan(2000 * slowdown())
    await untilReconnecting(ada)
    await untilReconnecting(bob)
    await startChat(port)
    await untilConnected(ada)
    await untilConnected(bob)
    await say(ada, 'back again')
    await message(bob, 'back again').waitFor()
    await eventually(() => people(bob)).toEqual(['bob', 'ada'])
  })
})

describe('a page that waits for its next attempt connects at once', () => {
  const startWaiting = async () => {
    const port = await freePort()
    const server = await startChat(port)
    const ada = await chromium.open()
    await stopClock(ada)
    await enter(ada, server.url, 'ada')
    return { port, server, ada }
  }

  it('when the browser is online again', async () => {
    const { port, server, ada } = await startWaiting()
    await server.kill('SIGKILL')
    await untilReconnecting(ada)
    // Not before: Chromium holds back a frame that arrives while it plays offline, and then does not report the end of the
    // connection either.
    await ada.context().setOffline(true)
    await write(ada, 'written offline')
    await startChat(port)
    await ada.context().setOffline(false)
    await untilConnected(ada)
    await ada.locator('.own[data-state=sent]', { hasText: 'written offline' }).waitFor()
  })

  it('when it becomes visible, and keeps its messages, which the new server does not know', async () => {
    const { port, server, ada } = await startWaiting()
    await say(ada, 'before the restart')
    await server.kill('SIGKILL')
    await untilReconnecting(ada)
    const { url } = await startChat(port)
    const bob = await connectBare(url, '?username=bob&roomID=lobby')
    await tell(bob, 'after the restart')
    // Headless pages are always visible, so the test dispatches the event.
    await ada.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
    await untilConnected(ada)
    await message(ada, 'after the restart').waitFor()
    await tell(bob, 'and later')
    await message(ada, 'and later').waitFor()
    expect(await texts(ada)).toEqual(['before the restart', 'after the restart', 'and later'])
  })
})

describe('a message', () => {
  it('whose reply was lost with the connection appears once', async () => {
    const { url } = await startChat()
    const ada = await chromium.open()
    const bob = await chromium.open()
    await enter(bob, url, 'bob')
    let sends = 0
    let cut: WebSocketRoute | undefined
    await intercept(ada, {
      onPage: ({ topic }) => {
        if (topic === 'chat/send') sends += 1
        return false
      },
      onServer: ({ topic }, socket) => {
        if (topic === 'rooms/lobby/messages' && !cut) {
          cut = socket
          void socket.close({ code: 1011, reason: 'internal' })
        }
        return socket === cut
      },
    })
    await enter(ada, url, 'ada')
    await write(ada, 'did you get this?')
    await ada.locator('.own[data-state=sent]', { hasText: 'did you get this?' }).waitFor()
    expect(cut).toBeDefined()
    expect(sends).toBe(2)
    await say(ada, 'and this?')
    await message(bob, 'and this?').waitFor()
    for (const page of [ada, bob]) expect(await texts(page)).toEqual(['did you get this?', 'and this?'])
  })

  it('that the server refused is marked, and can be sent again or discarded', async () => {
    const { url } = await startChat()
    const ada = await chromium.open()
    let refuse = true
    await intercept(ada, {
      onPage: ({ topic, id }, socket) => {
        if (!refuse || topic !== 'chat/send') return false
        const error = { code: 'rate_limited', message: 'Too many messages' }
        socket.send(JSON.stringify({ type: 'reply', id, error }))
        return true
      },
    })
    await enter(ada, url, 'ada')
    await write(ada, 'too fast')
    await write(ada, 'never mind')
    await message(ada, 'never mind').getByRole('button', { name: 'Discard' }).click()
    refuse = false
    await message(ada, 'too fast').getByRole('button', { name: 'Send again' }).click()
    await ada.locator('.own[data-state=sent]', { hasText: 'too fast' }).waitFor()
    expect(await texts(ada)).toEqual(['too fast'])
  })
})

describe('a page that the server refuses', () => {
  it('shows the reason, does not reconnect, and connects again on demand', async () => {
    const { url } = await startChat()
    const ada = await chromium.open()
    let banned = true
    let attempts = 0
    await ada.routeWebSocket(/\/api\/v1\/ws/, (socket) => {
      attempts += 1
      if (!banned) {
        socket.connectToServer()
        return
      }
      const error = { code: 'forbidden', message: 'You may not come in today' }
      socket.send(JSON.stringify({ type: 'close', error, reconnectAfter: null }))
      void socket.close({ code: 4403, reason: 'forbidden' })
    })
    await ada.goto(`${url}/#/room/lobby`)
    await ada.getByLabel('Your name').fill('ada')
    await ada.getByRole('button', { name: 'Enter the room' }).click()
    await status(ada).getByText('Disconnected: You may not come in today').waitFor()
    expect(attempts).toBe(1)
    banned = false
    await ada.getByRole('button', { name: 'Connect again' }).click()
    await untilConnected(ada)
    expect(attempts).toBe(2)
  })
})
