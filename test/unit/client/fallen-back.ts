import { vi } from 'vitest'
import type { ClientFrame, SubscribeFrame } from '../../../core/protocol/protocol.ts'
import { clientOf, MemoryTransport, welcome } from './support.ts'

const url = 'http://localhost:3000'

/** Time after which the better transport has been tried once and is in use if it replies, in milliseconds. */
export const FIRST_TRY_MS = 510

export const settle = () => vi.advanceTimersByTimeAsync(0)

/** The welcome of a server that announces no pings. */
export const quiet = (session: string) => ({ ...welcome(session), pingInterval: 0 })

/** A client with a subscription to `n` that fell back to the second transport, where all requests get a reply. */
export const fallenBack = async () => {
  const first = new MemoryTransport('first', quiet('better'))
  const second = new MemoryTransport('second', quiet('lesser'))
  first.reachable = false
  second.obliging = true
  const client = clientOf({ url, transports: [first, second], upgrade: { min: 1_000, max: 60_000 } })
  const heard: unknown[] = []
  const subscription = client.subscribe('n', (payload) => heard.push(payload))
  await subscription.ready
  return { client, first, second, heard, subscription }
}

/** Replies to the last request on a connection. */
export const answer = (transport: MemoryTransport) => {
  const { id } = transport.peer.frames.at(-1) as SubscribeFrame
  transport.peer.message({ type: 'reply', id: id as number })
  return settle()
}

/** The same client, with the better transport welcomed and asked to subscribe. The test sends all further replies. */
export const halfway = async () => {
  const started = await fallenBack()
  const { client, first, second } = started
  client.send('a', 'before')
  await settle()
  second.peer.frames.length = 0
  first.reachable = true
  second.obliging = false
  await vi.advanceTimersByTimeAsync(FIRST_TRY_MS)
  await answer(second)
  return started
}

export const payloads = (frames: readonly ClientFrame[]) =>
  frames.flatMap((frame) => (frame.type === undefined ? [frame.payload] : []))
