import { jetstreamManager } from '@nats-io/jetstream'
import { connect as natsConnect } from '@nats-io/transport-node'
import { Store } from 'rookery'
import { nats } from 'rookery/nats'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  type AuthApp,
  bearer,
  connect,
  makeToken,
  now,
  refusal,
  startAuth,
} from '../integration/auth-support.ts'
import { type NatsServer, until } from '../support/nats.ts'
import { untilQuorum, useJetStream, useJetStreamServers } from '../support/nats-jetstream.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

const urls = (servers: readonly NatsServer[]) => servers.map(({ url }) => url)

const startNode = (servers: string | string[]): Promise<AuthApp> =>
  startAuth({}, { plugins: [nats({ servers, noRandomize: true, ignoreClusterUpdates: true })] })

/** Resolves when the store has a number of revocations. */
const untilStored = ({ app }: AuthApp, count: number) =>
  vi.waitFor(
    async () => {
      const store = app.scope.get(Store)
      const buckets = await Promise.all([store.entries('revocations'), store.entries('revocations-1h')])
      expect(buckets.flat()).toHaveLength(count)
    },
    { timeout: 60_000, interval: 200 },
  )

const readiness = async ({ url }: AuthApp) => {
  const response = await fetch(`${url}/readyz`)
  return [response.status, ((await response.json()) as { checks: object }).checks]
}

/** Stops a node and starts another one, which knows only the stored revocations. */
const restart = async (node: AuthApp, servers: string | string[]): Promise<AuthApp> => {
  await node.app.stop()
  return await startNode(servers)
}

describe('a revocation', () => {
  it('while NATS is away is stored when NATS is back, and holds after a restart', async () => {
    const server = await useJetStream()
    const node = await startNode(server.url)
    const [token, other] = [await makeToken(), await makeToken({ sub: 'bob', jti: 'one' })]
    await node.auth.revoke({ user: 'somebody' })
    await server.kill()
    await until(() => !node.app.cluster.connected)
    const began = performance.now()
    await node.auth.revoke({ user: 'ada' })
    await node.auth.revoke({ tokenId: 'one' })
    // The calls wait for the store for a second each.
    expect(performance.now() - began).toBeLessThan(10_000)
    await server.restart()
    await untilStored(node, 3)
    const { url } = await restart(node, server.url)
    expect(await refusal(url, bearer(token))).toBe('token_revoked')
    expect(await refusal(url, bearer(other))).toBe('token_revoked')
    const errors = node.lines.filter(({ level }) => level === 'error')
    expect(errors.map(({ msg }) => msg)).toEqual([expect.stringContaining('trying again')])
  })

  it('that JetStream has lost is stored again by the nodes that know it', async () => {
    const server = await useJetStream()
    const node = await startNode(server.url)
    const token = await makeToken()
    await node.auth.revoke({ user: 'ada' })
    await untilStored(node, 1)
    const connection = await natsConnect({ servers: server.url })
    onTestFinished(() => connection.close())
    await (await jetstreamManager(connection)).streams.delete('KV_rookery_revocations')
    await server.kill()
    await server.restart()
    await untilStored(node, 1)
    expect(await refusal((await restart(node, server.url)).url, bearer(token))).toBe('token_revoked')
  })

  it('of nodes that have stopped closes the sessions of a node that was cut off meanwhile', async () => {
    const server = await useJetStream()
    const proxy = await TcpProxy.before(server.port)
    onTestFinished(() => proxy.close())
    const alone = await startNode(`nats://127.0.0.1:${proxy.port}`)
    const peer = await connect(alone.url, await makeToken())
    await proxy.block()
    await until(() => !alone.app.cluster.connected)
    const other = await startNode(server.url)
    await other.auth.revoke({ user: 'ada' })
    await other.app.stop()
    expect(peer.closed).toBeUndefined()
    proxy.unblock()
    expect((await peer.untilClosed()).reason).toBe('token_revoked')
  })

  it('of a user extends an earlier one in the store, and never shortens it', async () => {
    const server = await useJetStream()
    const node = await startNode(server.url)
    await node.auth.revoke({ tokenId: 'one' })
    await node.auth.revoke({ tokenId: 'one' }, { until: new Date(Date.now() + 1000) })
    const { url, app } = await restart(node, server.url)
    const [[, stored] = []] = await app.scope.get(Store).entries('revocations')
    expect((stored as { until: number }).until).toBeGreaterThan(Date.now() + 3_600_000)
    expect(await refusal(url, bearer(await makeToken({ jti: 'one' })))).toBe('token_revoked')
  })

  it('of a session is stored for as long as its token is valid', async () => {
    const server = await useJetStream()
    const node = await startNode(server.url)
    const exp = now() + 60
    const peer = await connect(node.url, await makeToken({ exp }))
    await peer.ask({ topic: 'auth/logout' })
    const store = node.app.scope.get(Store)
    const [[, stored] = []] = await store.entries('revocations-1h')
    expect(stored).toMatchObject({ until: (exp + 1) * 1000 })
    expect(await store.entries('revocations')).toEqual([])
  })
})

describe('with three NATS servers', () => {
  it('revocations have three replicas: they hold when the server that leads them is lost', async () => {
    const servers = await useJetStreamServers(3)
    const node = await startNode(urls(servers))
    const token = await makeToken()
    await node.auth.revoke({ user: 'ada' })
    await untilStored(node, 1)
    const connection = await natsConnect({ servers: urls(servers) })
    const manager = await jetstreamManager(connection)
    const { config, cluster } = await manager.streams.info('KV_rookery_revocations')
    await connection.close()
    expect(config.num_replicas).toBe(3)
    const leader = Number(cluster?.leader?.at(-1))
    await servers[leader]?.kill()
    const left = servers.filter((_server, index) => index !== leader)
    await untilQuorum(left[0] as NatsServer)
    await node.auth.revoke({ user: 'bob' })
    await untilStored(node, 2)
    const { url } = await restart(node, urls(left))
    await vi.waitFor(async () => expect(await refusal(url, bearer(token))).toBe('token_revoked'))
    await vi.waitFor(async () =>
      expect(await refusal(url, bearer(await makeToken({ sub: 'bob', iat: now() - 60 })))).toBe(
        'token_revoked',
      ),
    )
  })

  it('a revocation without a quorum is stored when there is one', async () => {
    const servers = await useJetStreamServers(3)
    const [first, second, third] = servers as [NatsServer, NatsServer, NatsServer]
    const node = await startNode(first.url)
    await node.auth.revoke({ user: 'somebody' })
    await untilStored(node, 1)
    second.pause()
    third.pause()
    const token = await makeToken()
    await node.auth.revoke({ user: 'ada' })
    second.resume()
    third.resume()
    await untilStored(node, 2)
    expect(await refusal((await restart(node, first.url)).url, bearer(token))).toBe('token_revoked')
  })

  it('a node that starts before the quorum is not ready, and closes revoked sessions when there is one', async () => {
    const servers = await useJetStreamServers(3)
    const [first, second, third] = servers as [NatsServer, NatsServer, NatsServer]
    const node = await startNode(first.url)
    const token = await makeToken()
    await node.auth.revoke({ user: 'ada' })
    await untilStored(node, 1)
    expect(await readiness(node)).toEqual([200, { cluster: 'connected', revocations: 'loaded' }])
    await node.app.stop()
    await Promise.all(servers.map((server) => server.kill()))
    await first.restart()
    const early = await startNode(first.url)
    expect(await readiness(early)).toEqual([503, { cluster: 'connected', revocations: 'loading' }])
    const peer = await connect(early.url, token)
    await Promise.all([second.restart(), third.restart()])
    expect((await peer.untilClosed()).reason).toBe('token_revoked')
    await vi.waitFor(async () => expect((await readiness(early))[0]).toBe(200))
  })

  it('a session of a node that hangs is closed when the node is back, and its token refused', async () => {
    const servers = await useJetStreamServers(3)
    const [first, second] = servers as [NatsServer, NatsServer, NatsServer]
    const here = await startNode(first.url)
    const there = await startNode(second.url)
    await until(() => here.app.cluster.nodes().length === 2)
    const token = await makeToken({ jti: 'lost phone' })
    const peer = await connect(there.url, token)
    const session = String(peer.frames[0]?.session)
    second.pause()
    const { missing } = await here.auth.revoke({ session })
    expect(missing).toEqual([there.app.cluster.node])
    expect(here.lines.every((line) => !JSON.stringify(line).includes(session))).toBe(true)
    second.resume()
    expect((await peer.untilClosed()).reason).toBe('token_revoked')
    await vi.waitFor(async () => {
      for (const { url } of [here, there]) expect(await refusal(url, bearer(token))).toBe('token_revoked')
    })
  })
})
