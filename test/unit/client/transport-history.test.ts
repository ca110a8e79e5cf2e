import { expect, test } from 'vitest'
import type { SubscribeFrame } from '../../../core/protocol/protocol.ts'
import { answer, halfway, settle } from './fallen-back.ts'
import { type MemoryTransport, useFakeClock } from './support.ts'

useFakeClock()

/** The requests for subscriptions on a connection, with what they replay. */
const asked = ({ peer }: MemoryTransport) =>
  peer.frames.filter((frame) => frame.type === 'subscribe') as SubscribeFrame[]

const reply = (transport: MemoryTransport, { id, topics }: SubscribeFrame, cursor?: string) => {
  transport.peer.message({ type: 'reply', id: id!, payload: { topics, ...(cursor && { cursor }) } })
}

test('in a change of the transport, each listener goes on from its own place, whatever the others have got', async () => {
  const { client, first, second, heard } = await halfway()
  const earliest: unknown[] = []
  client.subscribe('n', (payload) => earliest.push(payload), { since: 'earliest' })
  const local: unknown[] = []
  client.subscribe('n', (payload) => local.push(payload), { local: true })
  second.peer.message({ topic: 'n', payload: 1, cursor: 'c1' })
  // The connection that is not in use yet must not move anything.
  first.peer.message({ type: 'ping', cursor: 'c9' })
  first.peer.message({ type: 'replayed', recovered: true, cursor: 'c9' })
  first.peer.message({ topic: 'n', payload: 2, cursor: 'c2' })
  reply(first, asked(first)[0]!)
  await settle()
  await answer(second)
  expect([heard, earliest, local]).toEqual([[1], [], [1, 2]])
  const [, resume] = asked(first)
  expect(resume?.since).toBe('c1')
  reply(first, resume!)
  first.peer.message({ topic: 'n', payload: 2, cursor: 'c2', replayed: true })
  first.peer.message({ type: 'replayed', recovered: true, cursor: 'c2' })
  await settle()
  const [, , fromStart] = asked(first)
  expect(fromStart?.since).toBe('earliest')
  reply(first, fromStart!)
  first.peer.message({ topic: 'n', payload: 1, cursor: 'c1', replayed: true })
  first.peer.message({ topic: 'n', payload: 2, cursor: 'c2', replayed: true })
  first.peer.message({ type: 'replayed', recovered: true, cursor: 'c2' })
  first.peer.message({ topic: 'n', payload: 3, cursor: 'c3' })
  await settle()
  const all = [1, 2, 3]
  expect([heard, earliest, local]).toEqual([all, all, all])
})
