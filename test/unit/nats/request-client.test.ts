import { describe, expect, it, vi } from 'vitest'
import { decodeEnvelope } from '../../../plugins/nats/envelope.ts'
import type { ManagedConnection } from '../../../plugins/nats/managed-connection.ts'
import { NodeChannel } from '../../../plugins/nats/node-channel.ts'
import { RequestClient } from '../../../plugins/nats/request-client.ts'
import { recordingLogger } from '../../support/app.ts'

/** The client of node `a`, with a fake connection, because a real one cannot deliver answers out of order. */
const start = (...others: readonly string[]) => {
  const published: { readonly subject: string; readonly text: string; readonly reply?: string }[] = []
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
  const client = new RequestClient(channel, { prefix: 'p', inbox: 'inbox', otherNodes: () => others })
  const lastId = () => published.at(-1)?.reply?.split('.').at(2) as string
  const answer = (node: string, payload?: string, id = lastId()) =>
    client.answered(id, { node, id: '1', header: undefined, payload })
  const subjects = () => published.splice(0).map(({ subject }) => subject)
  return { client, connection, published, lastId, answer, subjects }
}

describe('a request', () => {
  it('carries the node, the method, the payload and the timeout', async () => {
    const { client, published, answer } = start('b')
    const asked = client.ask({ to: '$node/b', method: 'm', payload: { x: 1 }, timeout: 50 })
    expect(published).toMatchObject([{ subject: 'p.system.$node.b', reply: 'inbox.answer.1.b' }])
    expect(decodeEnvelope(published[0]?.text ?? '')).toMatchObject({
      node: 'a',
      header: { method: 'm', timeout: 50 },
      payload: '{"x":1}',
    })
    answer('b', '2')
    expect(await asked).toEqual({ items: [{ node: 'b', value: 2 }], missing: [] })
  })

  it('to a node or a session goes to that node alone', async () => {
    for (const [to, subject] of [
      ['$node/b', 'p.system.$node.b'],
      ['$session/b/1', 'p.system.$session.b.1'],
    ] as const) {
      const { client, answer, subjects, lastId } = start('b', 'c', 'd')
      const asked = client.ask({ to, method: 'm' })
      const id = lastId()
      expect(subjects()).toEqual([subject])
      answer('b', undefined, id)
      expect(await asked).toEqual({ items: [{ node: 'b', value: undefined }], missing: [] })
    }
  })

  it('to a room ends when every node has answered, or NATS has said that the node has no session there', async () => {
    const { client, answer, subjects, lastId } = start('b', 'c', 'd')
    const asked = client.ask({ to: '$room/1', method: 'm', timeout: 60_000 })
    const id = lastId()
    expect(subjects()).toEqual(['b', 'c', 'd'].map((node) => `p.request.${node}.$room.1`))
    answer('b', '1', id)
    client.noResponder(id, 'c')
    answer('d', '2', id)
    expect(await asked).toEqual({
      items: [
        { node: 'b', value: 1 },
        { node: 'd', value: 2 },
      ],
      missing: [],
    })
  })

  it('names the nodes that have not answered in time, and the nodes that have left', async () => {
    const { client, answer } = start('b', 'c', 'd')
    const asked = client.ask({ to: '$room/1', method: 'm', timeout: 20 })
    answer('b', '1')
    client.nodeLeft('c')
    expect(await asked).toEqual({ items: [{ node: 'b', value: 1 }], missing: ['c', 'd'] })
  })

  it('without a subscriber ends at once; a thorough one goes to the nodes themselves', async () => {
    const { client, lastId, subjects } = start('b', 'c', 'd')
    const asked = client.ask({ to: '$room/1', method: 'm', timeout: 60_000 })
    for (const node of ['b', 'c', 'd']) client.noResponder(lastId(), node)
    expect(await asked).toEqual({ items: [], missing: [] })
    subjects()
    const thorough = client.ask({ to: '$room/1', method: 'm', timeout: 20, thorough: true })
    const id = lastId()
    expect(subjects()).toEqual(['b', 'c', 'd'].map((node) => `p.system.$node.${node}`))
    client.noResponder(id, 'b')
    client.answered(id, { node: 'd', id: '1', header: { unconcerned: true }, payload: undefined })
    expect(await thorough).toEqual({ items: [], missing: ['b', 'c'] })
    const node = client.ask({ to: '$node/b', method: 'm', timeout: 60_000 })
    client.noResponder(lastId(), 'b')
    expect(await node).toEqual({ items: [], missing: ['b'] })
    subjects()
    for (const to of ['a', 'x.y', '*', 'x y']) {
      expect(await client.ask({ to: `$node/${to}`, method: 'm' })).toEqual({ items: [], missing: [to] })
    }
    expect(subjects()).toEqual([])
  })

  it('ignores answers that are late, repeated, or for an unknown request', async () => {
    const { client, lastId, answer } = start('b', 'c')
    const asked = client.ask({ to: '$room/1', method: 'm', timeout: 10 })
    const id = lastId()
    answer('b', '1')
    answer('b', '1')
    expect(await asked).toEqual({ items: [{ node: 'b', value: 1 }], missing: ['c'] })
    answer('c', '2', id)
    client.noResponder(id, 'c')
    client.noResponder('none', 'c')
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
