import { createClient } from 'rookery/client'
import { io } from 'socket.io-client'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { readPages } from '../support/docs.ts'
import { type Running, run } from '../support/docs-run.ts'

const PAGE = 'docs/migrating-from-socketio.md'
const blocks = readPages().find(({ path }) => path === PAGE)?.blocks ?? []

const sample = (name: string, language = 'ts'): string => {
  const found = blocks.find((block) => block.name === name && block.language === language)
  if (!found) throw new Error(`${PAGE} has no ${language} block ${name}`)
  return found.code
}

const replace = (code: string, from: string, to: string): string => {
  expect(code).toContain(from)
  return code.replaceAll(from, to)
}

/** Runs a server of the page on a free port. */
const serve = async (name: string, from: string, to: string): Promise<string> => {
  const server = run({ [name]: replace(sample(name), from, to) })
  const [, url = ''] = await server.until(/"url":"([^"]+)"/)
  return url
}

const SERVERS = {
  'before-server.ts': () =>
    serve(
      'before-server.ts',
      '.listen(3000)',
      `.listen(0, () => {
        const { port } = server.address() as { port: number }
        console.log(JSON.stringify({ url: \`http://localhost:\${port}\` }))
      })`,
    ),
  'after-server.ts': () => serve('after-server.ts', 'port: 3000', 'port: 0'),
}

const runClient = (name: string, url: string, code = sample(name)): Running =>
  run({ [name]: replace(code, 'http://localhost:3000', url) })

describe('the page about migrating from Socket.IO', () => {
  it.each<[string, keyof typeof SERVERS]>([
    ['before-client.ts', 'before-server.ts'],
    ['before-client.ts', 'after-server.ts'],
    ['after-client.ts', 'after-server.ts'],
  ])('has samples that print what it says: %s with %s', async (client, server) => {
    const running = runClient(client, await SERVERS[server]())
    expect(await running.exit).toBe(0)
    expect(running.output()).toBe(sample('before-client.ts', 'text'))
  })

  it('is right that old and new clients get the messages of each other', async () => {
    const url = await SERVERS['after-server.ts']()
    const stays = (name: string, last: string) => replace(sample(name), last, '').replaceAll("'ada'", "'old'")
    const old = runClient('before-client.ts', url, stays('before-client.ts', 'socket.disconnect()'))
    await old.until(/old hello\n.*sent: true/s)
    const young = runClient('after-client.ts', url)
    expect(await young.exit).toBe(0)
    expect(young.output()).toBe(sample('before-client.ts', 'text'))
    await old.until(/ada is typing\nada hello/)

    const stayed = runClient('after-client.ts', url, stays('after-client.ts', 'client.close()'))
    await stayed.until(/old hello\n.*sent: true/s)
    const second = runClient('before-client.ts', url)
    expect(await second.exit).toBe(0)
    await stayed.until(/ada is typing\nada hello/)
  })

  it('has a server on which both run side by side and pass messages on', async () => {
    const code = blocks.find(({ code }) => code.includes('the old application, unchanged'))?.code ?? ''
    const server = run({
      'server.ts': replace(
        code,
        'server.listen(3000)',
        `server.listen(0, () => console.log(JSON.stringify({ url: \`http://localhost:\${(server.address() as any).port}\` })))`,
      ),
    })
    const [, url = ''] = await server.until(/"url":"(http:[^"]+)"/)
    const old = io(url)
    const young = createClient({ url, WebSocket })
    onTestFinished(() => {
      old.close()
      young.close()
    })
    const heard = { old: [] as unknown[], young: [] as unknown[] }
    old.on('news', (payload) => heard.old.push(payload))
    await young.subscribe('news/*', (payload) => heard.young.push(payload)).ready
    await vi.waitFor(() => expect(old.connected).toBe(true))
    old.emit('news', { text: 'hello' })
    await vi.waitFor(() => expect(heard).toEqual({ old: [{ text: 'hello' }], young: [{ text: 'hello' }] }))
  })

  it('is right that the server refuses guests and payloads that do not fit', async () => {
    const url = await SERVERS['after-server.ts']()
    const client = run({
      'client.ts': `
        import { io } from 'socket.io-client'
        const guest = io('${url}')
        guest.on('connect_error', ({ data }) => {
          console.log('refused', data.code)
          guest.close()
        })
        const socket = io('${url}', { auth: { username: 'ada' }, forceNew: true })
        const codeOf = async (name, ...args) => (await socket.emitWithAck(name, ...args)).error.code
        console.log(await codeOf('chat:say', { room: '42', text: 'hello' }))
        console.log(await codeOf('chat:say', { room: '42' }))
        console.log(await codeOf('chat:say', '42', 'hello'))
        console.log(await codeOf('chat message', 'hello'))
        console.log(await codeOf('chat:nothing', 'hello'))
        console.log(await codeOf('chat:say', Buffer.from('x')))
        socket.close()
        io('${url}/admin', { auth: { username: 'ada' }, forceNew: true }).on('connect_error', function ({ message }) {
          console.log(message)
          this.close()
        })`,
    })
    expect(await client.exit).toBe(0)
    const lines = client.output().trim().split('\n')
    expect(lines.filter((line) => !line.startsWith('refused'))).toEqual([
      'not_in_room',
      'invalid_payload',
      'bad_frame',
      'invalid_topic',
      'unknown_topic',
      'binary_not_supported',
      'Invalid namespace',
    ])
    expect(lines).toContain('refused unauthenticated')
  })
})
