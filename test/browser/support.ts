import type { Locator, Page, WebSocketRoute } from 'playwright-core'
import { expect } from 'vitest'
import { startExample } from '../support/example.ts'
import type { RunningProcess } from '../support/processes.ts'

export interface ChatServer extends RunningProcess {
  readonly url: string
}

/** Runs the example on the built package. */
export const startChat = async (port = 0): Promise<ChatServer> => {
  const running = await startExample('chat', {
    env: { PORT: String(port) },
    ready: /^The chat is open: (http:\S+)$/,
  })
  return { ...running, url: running.match[1]! }
}

/** Enters a room by its link, in a browser that has no name stored. */
export const enter = async (page: Page, url: string, name: string, room = 'lobby'): Promise<void> => {
  await page.goto(`${url}/#/room/${room}`)
  await page.getByLabel('Your name').fill(name)
  await page.getByRole('button', { name: 'Enter the room' }).click()
  await untilConnected(page)
}

export const status = (page: Page): Locator => page.getByRole('status')

export const untilConnected = (page: Page): Promise<void> =>
  status(page).getByText('Connected over websocket').waitFor()

export const untilReconnecting = (page: Page): Promise<void> =>
  status(page)
    .getByText(/^Reconnecting in \d+ s$/)
    .waitFor()

export const field = (page: Page): Locator => page.getByRole('textbox', { name: 'Message' })

export const write = async (page: Page, text: string): Promise<void> => {
  await field(page).fill(text)
  await field(page).press('Enter')
}

export const message = (page: Page, text: string): Locator =>
  page.getByRole('log', { name: 'Messages' }).locator('.message').filter({ hasText: text })

/** Writes a message and waits until the server has received it. */
export const say = async (page: Page, text: string): Promise<void> => {
  await write(page, text)
  await page.locator('.message.own[data-state=sent]').filter({ hasText: text }).waitFor()
}

/** The texts of all messages, in the order shown. */
export const texts = (page: Page): Promise<string[]> => page.locator('.message .text').allTextContents()

/** The names of the listed members, in the order shown. */
export const people = (page: Page): Promise<string[]> => page.locator('.member .name').allTextContents()

/** Intercepts the frames between a page and its server. A frame is dropped if `onPage` or `onServer` returns true. */
export const intercept = (
  page: Page,
  on: {
    onPage?: (frame: Record<string, unknown>, socket: WebSocketRoute) => boolean
    onServer?: (frame: Record<string, unknown>, socket: WebSocketRoute) => boolean
  },
): Promise<void> =>
  page.routeWebSocket(/\/api\/v1\/ws/, (socket) => {
    const server = socket.connectToServer()
    socket.onMessage((text) => {
      if (!on.onPage?.(JSON.parse(String(text)), socket)) server.send(text)
    })
    server.onMessage((text) => {
      if (!on.onServer?.(JSON.parse(String(text)), socket)) socket.send(text)
    })
  })

export const isInView = (locator: Locator): Promise<boolean> =>
  locator.evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect()
    const log = element.closest('.log')!.getBoundingClientRect()
    return top >= log.top && bottom <= log.bottom
  })

/** Expects a value within a minute, which only a fault needs. */
export const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 60_000 })
