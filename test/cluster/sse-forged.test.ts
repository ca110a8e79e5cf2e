import type { Limits } from 'rookery'
import { nats } from 'rookery/nats'
import { sse } from 'rookery/sse'
import { describe, expect, it, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import { connectPlain, type NatsServer, useNats } from '../support/nats.ts'
import { ask, open, refusal } from './sse-support.ts'

const MESSAGE = { topic: 'echo', payload: 'x'.repeat(60_000) }

const start = async (server: NatsServer, limits: Partial<Limits> = {}) => {
  const node = await startApp({
    limits,
    plugins: [sse({ grace: 0 }), nats({ servers: server.url })],
    prepare: (app) => void app.handle('echo', (_ctx, payload) => payload),
  })
  return { ...node, id: node.app.cluster.node, at: `${node.url}/api/v1/sse` }
}

/** Starts two nodes on a nats-server, and records the requests between them. */
const startTwo = async (limits?: Partial<Limits>) => {
  const server = await useNats()
  const [owner, other] = [await start(server), await start(server, limits)]
  await vi.waitFor(() => expect(owner.app.cluster.nodes()).toHaveLength(2))
  const listener = await connectPlain(server)
  const requests: string[] = []
  const callback = (_error: unknown, message: { string(): string }) => void requests.push(message.string())
  listener.subscribe('rookery.system.$node.>', { callback })
  await listener.flush()
  const seen = async () => {
    await listener.flush()
    return requests.map((text) => /"method":"([^"]+)"/.exec(text)?.[1])
  }
  return { server, owner, other, requests, seen }
}

/** Ids that look like ids of the node, but are not. */
const forgedIds = (session: string): string[] => {
  const [, random = ''] = /-(.{22})/.exec(session) ?? []
  return [
    session.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
    session.replace(
      random,
      random.replace(/./, (first) => (first === 'A' ? 'B' : 'A')),
    ),
    session.replace(/.{22}$/, 'A'.repeat(22)),
    session.replace(/-.*/, '-0'),
    `${session}A`,
  ]
}

describe('a forged session id', () => {
  it('ends at the node that it reaches, whatever request names it, and is counted', async () => {
    verifies('delivery.sse.forged')
    const { owner, other, seen } = await startTwo()
    const { session } = await open(owner.at)
    const ids = forgedIds(session)
    for (const id of ids) {
      expect(await refusal(`${other.at}/${id}`, 'POST', MESSAGE)).toEqual([404, 'unknown_session'])
      expect(await refusal(`${other.at}/${id}`, 'DELETE')).toEqual([404, 'unknown_session'])
      expect(await refusal(`${other.at}?session=${id}&received=1`)).toEqual([404, 'unknown_session'])
    }
    expect(other.app.refusals).toEqual({ unknown_session: 3 * ids.length })
    for (const id of ids) {
      for (const name of ['previous', 'beside']) {
        const { reader } = await open(other.at, `&${name}=${id}.${'0'.repeat(32)}`)
        reader.close()
      }
    }
    expect(await seen()).toEqual(['session.key'])
    expect((await ask(`${other.at}/${session}`, 'POST', MESSAGE)).status).toBe(200)
    expect(await seen()).toEqual(['session.key', 'sse.receive'])
  })

  it('takes handshakes of its address, and not requests for real sessions', async () => {
    const { owner, other } = await startTwo({ handshakeRate: 1, handshakeBurst: 3 })
    const { session } = await open(owner.at)
    const codes = new Set<unknown>()
    for (const id of [...forgedIds(session), ...forgedIds(session)]) {
      codes.add(String(await refusal(`${other.at}/${id}`, 'POST', MESSAGE)))
    }
    expect([...codes]).toEqual(['404,unknown_session', '429,rate_limited'])
    expect(other.app.refusals.rate_limited).toBeGreaterThan(0)
    expect((await ask(`${other.at}/${session}`, 'POST', MESSAGE)).status).toBe(200)
  })

  it('is known to a node that has just started, and to the nodes that know it', async () => {
    const { server, owner } = await startTwo()
    const nodes = [owner, await start(server), await start(server)]
    for (const one of nodes) {
      const { session } = await open(one.at)
      for (const node of nodes) {
        expect((await ask(`${node.at}/${session}`, 'POST', MESSAGE)).status).toBe(200)
        for (const id of forgedIds(session)) {
          expect(await refusal(`${node.at}/${id}`, 'POST', MESSAGE)).toEqual([404, 'unknown_session'])
        }
      }
    }
  })

  it('is not told apart from the id of a node that has stopped', async () => {
    const { owner, other, seen } = await startTwo()
    const { session } = await open(owner.at)
    await owner.app.stop()
    await vi.waitFor(() => expect(other.app.cluster.nodes()).toHaveLength(1))
    for (const id of [session, ...forgedIds(session)]) {
      expect(await refusal(`${other.at}/${id}`, 'POST', MESSAGE)).toEqual([404, 'unknown_session'])
    }
    expect(await seen()).not.toContain('sse.receive')
  })

  it('costs one question at a time while its node does not tell its key', async () => {
    const { owner, other, requests } = await startTwo()
    const { session } = await open(owner.at)
    let told = () => {}
    const key = new Promise<void>((resolve) => (told = resolve))
    const { cluster } = other.app
    const askNode = cluster.askNode.bind(cluster)
    const asked = vi.spyOn(cluster, 'askNode').mockImplementation(async (...question) => {
      await key
      return await askNode(...question)
    })
    const ids = Array.from({ length: 20 }, () => forgedIds(session)[0] as string)
    const refused = [session, ...ids].map((id) => refusal(`${other.at}/${id}`, 'POST', MESSAGE))
    await vi.waitFor(() => expect(asked).toHaveBeenCalledOnce())
    told()
    expect(new Set((await Promise.all(refused)).map(String))).toEqual(
      new Set(['200,', '404,unknown_session']),
    )
    expect(requests).toHaveLength(2)
  })
})

describe('a session at a node that does not own it', () => {
  it('sends no more bytes to its owner than a session may send, also after it has ended', async () => {
    const { owner, other, requests, seen } = await startTwo({ byteBurst: 300_000, byteRate: 1 })
    const { reader, session } = await open(owner.at)
    reader.close()
    await vi.waitFor(() => expect(owner.app.sessions.size).toBe(0))
    const flood = await Promise.all(
      Array.from({ length: 40 }, () => refusal(`${other.at}/${session}`, 'POST', MESSAGE)),
    )
    expect(new Set(flood.map(String))).toEqual(new Set(['404,unknown_session', '429,rate_limited']))
    await seen()
    expect(requests.join('').length).toBeLessThan(400_000)
    const { rate_limited: limited = 0, unknown_session: unknown = 0 } = other.app.refusals
    expect(limited + unknown).toBe(40)
    // Each session has a rate of its own.
    const { session: next } = await open(owner.at)
    expect((await ask(`${other.at}/${next}`, 'POST', MESSAGE)).status).toBe(200)
  })
})
