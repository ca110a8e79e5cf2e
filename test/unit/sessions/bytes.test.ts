import type { Socket } from 'socket.io'
import { describe, expect, it } from 'vitest'
import { Frame } from '../../../core/protocol/frame.ts'
import { Flusher, Outbox, type OutboxLimits } from '../../../core/sessions/outbox.ts'
import type { Wire } from '../../../core/sessions/transport.ts'
import { SocketIoWire } from '../../../plugins/socketio/wire.ts'
import { Downlink } from '../../../plugins/sse/downlink.ts'
import { ForwardedStream } from '../../../plugins/sse/forwarded-stream.ts'
import { eventOf } from '../../../plugins/sse/framing.ts'

/** Each character has 3 bytes in UTF-8. */
const wide = (characters: number) => new Frame({ topic: 'a', payload: '漢'.repeat(characters) })

describe('the bytes that wait for a client', () => {
  it('are the bytes of UTF-8, of a frame', () => {
    for (const payload of ['', 'ascii', 'é', '漢字', '😀', null]) {
      const frame = new Frame({ topic: 'a', payload })
      expect(frame.bytes).toBe(new TextEncoder().encode(frame.text).length)
    }
  })

  const outbox = (buffered: number, slowConsumer: OutboxLimits['slowConsumer'] = 'disconnect') => {
    const events: string[] = []
    const wire = { buffered, write: (frames: readonly Frame[]) => events.push(`wrote ${frames.length}`) }
    const flusher = new Flusher()
    const box = new Outbox(
      wire as unknown as Wire,
      flusher,
      { maxBuffered: 1000, slowConsumer },
      {
        tooSlow: () => events.push('too slow'),
        dropped: (count) => events.push(`dropped ${count}`),
        behind: () => false,
        broken: () => events.push('broken'),
      },
    )
    return { box, flusher, events }
  }

  it('count in bytes while a frame waits for welcome', () => {
    const { box, events } = outbox(0)
    box.push(wide(300))
    expect(events).toEqual([])
    box.push(wide(30))
    expect(events).toEqual(['too slow'])
  })

  it.each([
    ['disconnect', 'too slow'],
    ['drop', 'dropped 1'],
  ] as const)('count in bytes when the outbox writes, with slowConsumer %s', (slowConsumer, event) => {
    const { box, flusher, events } = outbox(1, slowConsumer)
    box.release(new Frame({ type: 'ping' }))
    flusher.flush()
    box.push(wide(400))
    flusher.flush()
    expect(events).toEqual(['wrote 1', event])
  })

  it('count in bytes while a client of server-sent events is away', () => {
    const downlink = new Downlink({ closeTimeout: 1, grace: 1, maxKeptBytes: 1000 }, true)
    const frames = [wide(100), wide(100), wide(100)]
    const bytes = frames.reduce((sum, frame) => sum + frame.bytes, 0)
    downlink.write(frames)
    expect(downlink.buffered).toBe(bytes)
    expect(
      downlink.attach(
        () => expect.unreachable(),
        -1,
        () => {},
      ),
    ).toBe(false)
    downlink.write([wide(100)])
    // The first frame is no longer kept: together they have more than 1,000 bytes.
    expect(
      downlink.attach(
        () => expect.unreachable(),
        0,
        () => {},
      ),
    ).toBe(false)
  })

  it('count in bytes while another node passes them on', () => {
    const response = { write: () => new Promise<boolean>(() => {}), end: async () => {} }
    const stream = new ForwardedStream(response as never, false, () => {})
    const frame = wide(100)
    stream.write([frame])
    stream.write([frame])
    expect(stream.buffered).toBe(2 * Buffer.byteLength(eventOf(frame)))
  })

  it('count in bytes while Engine.IO has them', () => {
    const encoded = Buffer.from('漢'.repeat(10))
    const writeBuffer = [
      { data: '漢'.repeat(10), options: { wsPreEncodedFrame: [encoded] } },
      { data: '漢'.repeat(10), options: {} },
      { data: encoded },
      {},
    ]
    const conn = { on: () => {}, writeBuffer, transport: { socket: { bufferedAmount: 7 } } }
    const wire = new SocketIoWire({ conn } as unknown as Socket, true, 1, { maxBuffered: 1, byteBurst: 1 })
    expect(wire.buffered).toBe(7 + 3 * 30)
  })
})
