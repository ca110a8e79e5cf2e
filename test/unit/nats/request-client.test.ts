import { describe, expect, it, vi } from 'vitest'
import { decodeEnvelope } from '../../../plugins/nats/envelope.ts'
import type { ManagedConnection } from '../../../plugins/nats/managed-connection.ts'
import { NodeChannel } from '../../../plugins/nats/node-channel.ts'
import { RequestClient } from '../../../plugins/nats/request-client.ts'
import { recordingLogger } from '../../support/app.ts'

/** The client of node `a`, with a fake connection, because a real one cannot deliver answers out of order. */
const start = (...others: readonly string[]) => {
  const published: { readonly subject: string; readonly text: string; readonly reply?: string }[] = []
  const barriers: string[] = []
  const connection = { connected: true, maxPayload: 1000, takes: true }
  const publish = (subject: string, text: string, reply?: string) => {
    if (connection.takes) published.push({ subject, text, ...(reply !== undefined && { reply }) })
    return connection.takes
  }
  const channel = new NodeChannel(
    'a',
    Object.assign(connection, { publish }) as unknown as ManagedConnection,
    recordingLogger(),
  )
  const client = new RequestClient(channel, {
    inbox: 'inbox',
    subject: (address) => address,
    otherNodes: () => others,
    sendBarrier: (reply) => barriers.push(reply),
  })
  const lastId = () => published.at(-1)?.reply?.split('.').at(-1) as string
  const answer = (node: string, payload?: string, id = lastId()) =>
    client.answered(id, { node, id: '1', header: undefined, payload })
  const pass = (node: string) => client.barrierPassed(barriers.at(-1)?.split('.').at(-1) as string, node)
  return { client, connection, published, barriers, lastId, answer, pass }
}

describe('a request', () => {
  it('carries the node, the method, the payload and the timeout', async () => {
    const { client, published, answer } = start('b')
    const asked = client.ask({ to: '$node/b', method: 'm', payload: { x: 1 }, timeout: 50 })
    expect(published).toMatchObject([{ subject: '$node/b', reply: 'inbox.answer.1' }])
    expect(decodeEnvelope(published[0]?.text ?? '')).toMatchObject({
      node: 'a',
      header: { method: 'm', timeout: 50 },
      payload: '{"x":1}',
    })
    answer('b', '2')
    expect(await asked).toEqual({ items: [{ node: 'b', value: 2 }], missing: [] })
  })

  it('to a node or a session ends with the first answer, without a barrier', async () => {
    for (const to of ['$node/b', '$session/b-1']) {
      const { client, barriers, answer } = start('b', 'c', 'd')
      const asked = client.ask({ to, method: 'm' })
      answer('b')
      expect(await asked).toEqual({ items: [{ node: 'b', value: undefined }], missing: [] })
      expect(barriers).toEqual([])
    }
  })

  it('to a room ends when every node has answered or passed the barrier', async () => {
    const { client, barriers, answer, pass } = start('b', 'c', 'd')
    const asked = client.ask({ to: '$room/1', method: 'm', timeout: 60_000 })
    answer('b', '1')
    expect(barriers).toHaveLength(1)
    pass('b')
    pass('c')
    answer('d', '2')
    expect(await asked).toEqual({
      items: [
        { node: 'b', value: 1 },
        { node: 'd', value: 2 },
      ],
      missing: [],
    })
    expect(barriers).toHaveLength(1)
  })

  it('names the nodes that have not answered in time', async () => {
    const { client, answer, pass } = start('b', 'c', 'd')
    const asked = client.ask({ to: '$room/1', method: 'm', timeout: 20 })
    answer('b', '1')
    pass('c')
    expect(await asked).toEqual({ items: [{ node: 'b', value: 1 }], missing: ['d'] })
  })

  it('without a subscriber ends at once, unless it is thorough', async () => {
    const { client, lastId, pass } = start('b', 'c')
    const asked = client.ask({ to: '$room/1', method: 'm', timeout: 60_000 })
    client.noResponders(lastId())
    expect(await asked).toEqual({ items: [], missing: [] })
    const thorough = client.ask({ to: '$room/1', method: 'm', timeout: 20, thorough: true })
    client.noResponders(lastId())
    pass('b')
    expect(await thorough).toEqual({ items: [], missing: ['c'] })
    const node = client.ask({ to: '$node/b', method: 'm', timeout: 60_000 })
    client.noResponders(lastId())
    expect(await node).toEqual({ items: [], missing: ['b'] })
  })

  it('ignores answers that are late, repeated, or for an unknown request', async () => {
    const { client, lastId, answer, pass } = start('b', 'c')
    const asked = client.ask({ to: '$room/1', method: 'm', timeout: 10 })
    const id = lastId()
    answer('b', '1')
    answer('b', '1')
    expect(await asked).toEqual({ items: [{ node: 'b', value: 1 }], missing: ['c'] })
    answer('c', '2', id)
    pass('c')
    client.noResponders(id)
    client.noResponders('none')
  })

  it('under way fails when the connection is lost, and leaves no timer', async () => {
    vi.useFakeTimers()
    try {
      const { client, connection, answer } = start('b', 'c')
      const asked = client.ask({ to: '$room/1', method: 'm' })
      const refused = expect(asked).rejects.toMatchObject({ code: 'cluster_unavailable' })
      answer('b', '1')
      client.fail(Object.assign(new Error(), { code: 'cluster_unavailable' }) as never)
      await refused
      expect(vi.getTimerCount()).toBe(0)
      connection.connected = false
      await expect(client.ask({ to: '$room/1', method: 'm' })).rejects.toMatchObject({
        code: 'cluster_unavailable',
      })
    } finally {
      vi.useRealTimers()
    }
  })

  it('that cannot be sent fails: too large, not JSON, or more than the connection may buffer', async () => {
    const { client, connection } = start('b')
    const ask = (payload: unknown) => client.ask({ to: '$node/b', method: 'm', payload })
    await expect(ask('x'.repeat(1000))).rejects.toMatchObject({ code: 'payload_too_large' })
    await expect(ask(1n)).rejects.toMatchObject({ code: 'unserializable' })
    connection.takes = false
    await expect(ask(1)).rejects.toMatchObject({ code: 'cluster_unavailable' })
  })

  it('is not sent if there are no other nodes', async () => {
    const { client, published } = start()
    expect(await client.ask({ to: '$user/x', method: 'm' })).toEqual({ items: [], missing: [] })
    expect(published).toEqual([])
  })
})
