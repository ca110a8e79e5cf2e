import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { type NatsOptions, nats } from 'rookery/nats'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  connectPlain,
  createNode,
  freePort,
  settled,
  startNats,
  startNode,
  until,
  useNats,
} from '../support/nats.ts'
import { slowdown } from '../support/slowdown.ts'

const failure = async (options: NatsOptions): Promise<{ readonly error: unknown; readonly took: number }> => {
  const { app } = createNode({ nats: options })
  const start = performance.now()
  const error = await app.start().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return { error, took: performance.now() - start }
}

const unavailable = (...says: readonly (string | RegExp)[]) => ({
  code: 'cluster_unavailable',
  message: expect.stringMatching(
    new RegExp(says.map((part) => (typeof part === 'string' ? part : part.source)).join('.*')),
  ),
})

describe('without a NATS', () => {
  it('an app fails to start within two seconds, with the address of the server and advice', async () => {
    const port = await freePort()
    const { error, took } = await failure({ servers: `nats://127.0.0.1:${port}` })
    expect(error).toMatchObject(unavailable(`127.0.0.1:${port}`, 'refused', /start it/, /wait: true/))
    expect(took).toBeLessThan(2000 * slowdown())
  })

  it('an app that failed to start can still be stopped', async () => {
    const { app } = createNode({ nats: { servers: `127.0.0.1:${await freePort()}` } })
    await expect(app.start()).rejects.toMatchObject({ code: 'cluster_unavailable' })
    await app.stop()
    expect(app.state).toBe('stopped')
  })

  it('an app that waits starts once the server is there', async () => {
    const server = await startNats()
    onTestFinished(() => server.stop())
    await server.stop()
    const node = createNode({ nats: { servers: server.url, wait: true } })
    const started = node.app.start()
    await until(() => node.logged(/cannot be reached .* waiting for it/).length === 1)
    expect(node.app.state).toBe('starting')
    await server.restart()
    await started
    expect(node.app.cluster.connected).toBe(true)
    expect(node.logged(/waiting for it/)).toHaveLength(1)
  })

  it('an app that waits can be stopped at once, and its start rejects', async () => {
    const node = createNode({ nats: { servers: `127.0.0.1:${await freePort()}`, wait: true } })
    const refused = expect(node.app.start()).rejects.toMatchObject({ code: 'app_stopped' })
    await until(() => node.logged(/waiting for it/).length === 1)
    const start = performance.now()
    await node.app.stop()
    await refused
    expect(performance.now() - start).toBeLessThan(400 * slowdown())
  })

  it('an app whose server does not answer can be stopped at once', async () => {
    let connections = 0
    const silent = createServer(() => connections++).listen(0, '127.0.0.1')
    onTestFinished(() => void silent.close())
    await once(silent, 'listening')
    const { port } = silent.address() as { port: number }
    for (const wait of [true, false]) {
      const node = createNode({ nats: { servers: `127.0.0.1:${port}`, wait, timeout: 3000 } })
      const refused = expect(node.app.start()).rejects.toMatchObject({ code: 'app_stopped' })
      const before = connections
      await until(() => connections > before)
      const start = performance.now()
      await node.app.stop()
      await refused
      expect(performance.now() - start).toBeLessThan(1000 * slowdown())
    }
  })
})

describe('credentials', () => {
  it.each([
    ['none', {}],
    ['wrong ones', { user: 'ada', pass: 'wrong' }],
    ['a token instead', { token: 'wrong' }],
  ])('that NATS rejects (%s) make the start fail, even of an app that waits', async (_what, options) => {
    const server = await useNats('--user', 'ada', '--pass', 'right')
    for (const wait of [false, true]) {
      const { error, took } = await failure({ servers: server.url, wait, ...options })
      expect(error).toMatchObject(unavailable(server.url, 'Authorization', /'user' and 'pass'/))
      expect(took).toBeLessThan(2000 * slowdown())
    }
  })

  it('that NATS accepts let a node connect: user and password, or a token', async () => {
    const withUser = await useNats('--user', 'ada', '--pass', 'right')
    const withToken = await useNats('--auth', 's3cret')
    const a = await startNode(withUser, { nats: { user: 'ada', pass: 'right' } })
    const b = await startNode(withToken, { nats: { token: 's3cret' } })
    expect([a.app.cluster.connected, b.app.cluster.connected]).toEqual([true, true])
  })
})

describe('TLS', () => {
  const noOpenSsl = spawnSync('openssl', ['version']).status !== 0
  const certificate = () => {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-nats-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
    const kind = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2']
    execFileSync('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' })
    return { cert, key }
  }

  it('works with a server whose certificate is trusted, and with no other', async ({ skip }) => {
    skip(noOpenSsl, 'openssl, which makes the certificate, is not on the PATH')
    const { cert, key } = certificate()
    const server = await useNats('--tls', '--tlscert', cert, '--tlskey', key)
    const node = await startNode(server, { nats: { tls: { caFile: cert } } })
    expect(node.app.cluster.connected).toBe(true)
    for (const wait of [false, true]) {
      const { error } = await failure({ servers: server.url, wait })
      expect(error).toMatchObject(unavailable(server.url, 'self-signed'))
    }
  })

  it('that the server does not support makes the start fail, even of an app that waits', async () => {
    const server = await useNats()
    const { error } = await failure({ servers: server.url, tls: {}, wait: true })
    expect(error).toMatchObject(unavailable(server.url, 'does not support'))
  })
})

describe('a connection of the application', () => {
  it('stays open when the app stops, without subscriptions of the app', async () => {
    const server = await useNats()
    const connection = await connectPlain(server)
    const { protocol } = connection as unknown as {
      readonly protocol: { readonly subscriptions: { size(): number }; readonly listeners: unknown[] }
    }
    const node = await startNode(server, { nats: { connection } })
    const other = await startNode(server)
    node.app.bus.subscribe('b/*', () => {}, { source: 'all' })
    const peer = await node.connect(['a/*'], { user: 'ada' })
    expect(protocol.subscriptions.size()).toBeGreaterThan(5)
    await settled(other, node)
    await other.app.publish('a/1', 'hello')
    await until(() => peer.messages.length === 1)
    await node.app.stop()
    await until(() => other.app.cluster.nodes().length === 1)
    expect(connection.isClosed()).toBe(false)
    expect(protocol.subscriptions.size()).toBe(0)
    await until(() => protocol.listeners.length === 0)
    await connection.flush()
  })

  it('that is closed, or has lost its server, makes the start fail', async () => {
    const server = await startNats()
    onTestFinished(() => server.stop())
    const closed = await connect({ servers: server.url })
    await closed.close()
    expect((await failure({ connection: closed })).error).toMatchObject(unavailable('closed'))
    const connection = await connectPlain(server)
    await server.kill()
    expect((await failure({ connection })).error).toMatchObject(unavailable('no server', 'wait: true'))
    const waiting = createNode({ nats: { connection, wait: true } })
    const started = waiting.app.start()
    await server.restart()
    await started
    expect(waiting.app.cluster.connected).toBe(true)
  })

  it('may be closed while the app runs, which then serves its own clients', async () => {
    const server = await useNats()
    const connection = await connect({ servers: server.url })
    const node = await startNode(server, { nats: { connection } })
    await connection.close()
    await until(() => !node.app.cluster.connected)
    const peer = await node.connect(['a/*'], { user: 'ada' })
    node.app.bus.subscribe('b/*', () => {}, { source: 'cluster' })
    await node.app.publish('a/1', 1)
    await until(() => peer.messages.length === 1)
    peer.leave()
    await node.app.stop()
  })

  it('must receive its own messages, and excludes the options of the NATS client', async () => {
    const server = await useNats()
    const deaf = await connect({ servers: server.url, noEcho: true })
    onTestFinished(() => deaf.close())
    const connection = await connectPlain(server)
    const refused = (says: RegExp) =>
      expect.objectContaining({ code: 'invalid_option', message: expect.stringMatching(says) })
    expect(() => nats({ connection: deaf })).toThrow(refused(/must not have noEcho/))
    expect(() => nats({ connection, servers: 'x' })).toThrow(refused(/leave out 'servers'/))
    expect(() => nats({ connection, inboxPrefix: 'x' })).toThrow(refused(/leave out 'inboxPrefix'/))
    expect(() => nats({ connection: {} as never })).toThrow(refused(/a connection of @nats-io/))
    expect(() => nats({ connection, prefix: 'x', wait: true, servers: undefined })).not.toThrow()
  })
})

it('one NATS serves several clusters, each with its own prefix', async () => {
  const server = await useNats()
  const [a, b, other] = await Promise.all([
    startNode(server, { nats: { prefix: 'one' } }),
    startNode(server, { nats: { prefix: 'one' } }),
    startNode(server, { nats: { prefix: 'one.more' } }),
  ])
  await until(() => a.app.cluster.nodes().length === 2)
  const [there, elsewhere] = [await b.connect(['*']), await other.connect(['*'], { user: 'ada' })]
  await settled(a, b)
  await a.app.publish('x/1', 1)
  await until(() => there.messages.length === 1)
  await expect(a.app.send({ user: 'ada' }, 'x', 1)).rejects.toMatchObject({ code: 'not_connected' })
  expect(elsewhere.messages).toEqual([])
  expect(other.app.cluster.nodes()).toEqual([other.id])
})
