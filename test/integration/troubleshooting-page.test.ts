import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { createApp } from 'rookery'
import { auth } from 'rookery/auth'
import { createClient, type RookeryError } from 'rookery/client'
import { createClient as createWebSocketClient } from 'rookery/client/websocket'
import { http } from 'rookery/http'
import { nats } from 'rookery/nats'
import { rooms } from 'rookery/rooms'
import { websocket } from 'rookery/websocket'
import { expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { startApp } from '../support/app.ts'
import { ROOT } from '../support/docs.ts'

const page = readFileSync(join(ROOT, 'docs/troubleshooting.md'), 'utf8')

/** Expects the text on the page. The page has the usual ports where the test has free ones. */
const expectOnPage = (text: string) => expect(page.replaceAll('\n', ' ')).toContain(text)

const messageOf = async (fails: () => unknown): Promise<string> => {
  try {
    await fails()
  } catch (error) {
    return (error as RookeryError).message
  }
  throw new Error('it did not fail')
}

it('the page about troubleshooting quotes the errors of an app that does not start', async () => {
  const other = createServer().listen(0)
  onTestFinished(() => void other.close())
  const { port } = other.address() as AddressInfo
  const free = createTcpServer().listen(0)
  const { port: closed } = free.address() as AddressInfo
  await new Promise((resolve) => free.close(resolve))

  const start = (plugin: ReturnType<typeof http>) =>
    createApp({ logger: 'silent', plugins: [plugin] }).start()
  expectOnPage((await messageOf(() => start(http({ port })))).replaceAll(String(port), '3000'))
  const away = await messageOf(() => start(nats({ servers: `nats://127.0.0.1:${closed}` })))
  expectOnPage(away.replace(String(closed), '4222').replace(/^.*failed at start: /, ''))
  expectOnPage(await messageOf(() => createApp({ plugins: [websocket()] })))
  const wrongOption = await messageOf(() => http({ prot: 3000 } as object))
  expectOnPage(wrongOption.replace(/(port, hostname, ).*/, '$1…'))
})

it('the page about troubleshooting quotes the errors of clients', async () => {
  const { app, url, lines } = await startApp({
    allowAnonymous: false,
    plugins: [rooms({ members: 'reject' })],
  })
  const client = createClient({ url, WebSocket, params: { username: 'ada', roomID: '42' } })
  onTestFinished(() => client.close())
  await client.ready()
  expect(lines.map(({ msg }) => msg)).toContainEqual(expect.stringMatching(/^anonymous clients/))
  for (const { msg } of lines) if (msg?.startsWith('anonymous clients')) expectOnPage(msg)
  expectOnPage(await messageOf(() => client.call('nope')))
  expectOnPage(await messageOf(() => client.call('room/join', { roomID: '7' })))
  expectOnPage(await messageOf(() => app.send({ user: 'bob' }, 'inbox/new')))

  const second = createClient({ url, WebSocket, params: { username: 'ada', roomID: '42' } })
  onTestFinished(() => second.close())
  const refused = new Promise<string>((resolve) => {
    second.on('state', (_state, { error }) => error && resolve(error.message))
  })
  expectOnPage(await refused)
  vi.stubGlobal('WebSocket', undefined)
  onTestFinished(() => void vi.unstubAllGlobals())
  expectOnPage(await messageOf(() => createWebSocketClient({ url })))
  expectOnPage(await messageOf(() => createClient().connect()))
})

it('the page about troubleshooting quotes the refusal of a subscription', async () => {
  const token = async () => null
  const { url } = await startApp({
    plugins: [
      auth({
        jwt: { secret: 'x'.repeat(32), audience: 'a' },
        required: false,
        rules: { subscribe: { a: true } },
      }),
    ],
  })
  const client = createClient({ url, WebSocket, token })
  onTestFinished(() => client.close())
  const error = new Promise<string>((resolve) => client.on('error', ({ message }) => resolve(message)))
  client.subscribe('users/*', () => {})
  expectOnPage(await error)
})
