import { jetstreamManager } from '@nats-io/jetstream'
import { connect as natsConnect } from '@nats-io/transport-node'
import { Store } from 'rookery'
import { nats } from 'rookery/nats'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { useNats } from '../support/nats.ts'
import { useJetStream } from '../support/nats-jetstream.ts'
import { bearer, connect, makeToken, refusal, SECRET, startAuth } from './auth-support.ts'

const startNode = (servers: string, prefix = 'test') =>
  startAuth({}, { plugins: [nats({ servers, prefix })] })

describe('revocations with NATS', () => {
  it('reach every node, and are kept when all nodes have stopped', async () => {
    const { url: servers } = await useJetStream()
    const a = await startNode(servers)
    const b = await startNode(servers)
    await vi.waitFor(() => expect(a.app.cluster.nodes()).toHaveLength(2))
    const token = await makeToken()
    const single = await makeToken({ sub: 'bob', jti: 'one' })
    const peer = await connect(b.url, token)
    expect(await a.auth.revoke({ user: 'ada' })).toEqual({ sessions: 1, missing: [] })
    expect((await peer.untilClosed()).reason).toBe('token_revoked')
    await a.auth.revoke({ tokenId: 'one' })
    await Promise.all([a.app.stop(), b.app.stop()])
    const c = await startNode(servers)
    expect(await refusal(c.url, bearer(token))).toBe('token_revoked')
    expect(await refusal(c.url, bearer(single))).toBe('token_revoked')
    await connect(c.url, await makeToken({ sub: 'bob', jti: 'two' }))
    const stranger = await startNode(servers, 'other.app')
    await connect(stranger.url, token)
  })

  it('reach a disconnected node as soon as it is connected again', async () => {
    const server = await useNats()
    const a = await startNode(server.url)
    const b = await startNode(server.url)
    await vi.waitFor(() => expect(a.app.cluster.nodes()).toHaveLength(2))
    const token = await makeToken()
    const peer = await connect(b.url, token)
    await server.kill()
    await vi.waitFor(() => expect(a.app.cluster.connected || b.app.cluster.connected).toBe(false))
    expect(await a.auth.revoke({ user: 'ada' })).toEqual({ sessions: 0, missing: [b.app.cluster.node] })
    expect(peer.closed).toBeUndefined()
    await server.restart()
    expect((await peer.untilClosed()).reason).toBe('token_revoked')
    expect(await refusal(b.url, bearer(token))).toBe('token_revoked')
  })

  it('are in the memory of the nodes without JetStream, and the log warns once', async () => {
    const { url: servers } = await useNats()
    const jwt = { secret: SECRET, audience: 'test' }
    const { url, auth, lines } = await startAuth({ jwt }, { plugins: [nats({ servers })] })
    const token = await makeToken({ aud: 'test' })
    expect(await auth.revoke({ user: 'ada' })).toEqual({ sessions: 0, missing: [] })
    await auth.revoke({ user: 'bob' })
    expect(await refusal(url, bearer(token))).toBe('token_revoked')
    const warnings = lines.filter(({ level }) => level === 'warn' || level === 'error')
    expect(warnings.map(({ msg }) => msg)).toEqual([
      'without JetStream, values are lost when the nodes stop: start nats-server with JetStream (-js), or allow it for this account',
    ])
  })
})

describe('the store of nats()', () => {
  it('keeps values for their time, under any key, and extends the time of its bucket', async () => {
    const { url: servers } = await useJetStream()
    const { app } = await startNode(servers)
    const store = app.scope.get(Store)
    expect(await store.entries('things')).toEqual([])
    await store.put('things', 'a.b/ü*>', { n: 1 }, 60_000)
    await store.put('things', 'a.b/ü*>', { n: 2 }, 120_000)
    await store.put('things', 'brief', 1, 1)
    await vi.waitFor(async () => expect(await store.entries('things')).toEqual([['a.b/ü*>', { n: 2 }]]))
    const connection = await natsConnect({ servers })
    onTestFinished(() => connection.close())
    const { config } = await (await jetstreamManager(connection)).streams.info('KV_test_things')
    expect(config).toMatchObject({ max_age: 120_000 * 1e6, max_msgs_per_subject: 1 })
    expect(await store.entries('others')).toEqual([])
    await store.put('others', 'x', null, 1000)
    expect(await store.entries('others')).toEqual([['x', null]])
  })
})
