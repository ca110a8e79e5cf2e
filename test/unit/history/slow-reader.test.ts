import { createApp, type Frame } from 'rookery'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { TransportHost } from '../../../core/sessions/transport.ts'
import { history } from '../../../plugins/history/index.ts'
import { verifies } from '../../requirements.ts'
import { recordingLogger } from '../../support/app.ts'

const LIMIT = 10_000
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** A session with `slowConsumer: 'resume'`, whose connection buffers as many bytes as the test says. */
const start = async () => {
  const logger = recordingLogger()
  const plugins = [history({ topics: ['kept/*'] })]
  const options = { logger, plugins, pingInterval: 5, pingTimeout: '60s', allowAnonymous: true } as const
  const app = createApp({ ...options, slowConsumer: 'resume', limits: { maxBuffered: LIMIT } })
  await app.start()
  onTestFinished(() => app.stop())
  const frames: Frame[] = []
  const wire = {
    buffered: 0,
    write: (written: readonly Frame[]) => void frames.push(...written),
    close: () => {},
    terminate: () => {},
  }
  const handshake = { transport: 'test', address: '', headers: {}, query: new URLSearchParams() }
  const session = await app.scope.get(TransportHost).open(handshake, wire)
  const ask = async (frame: object) => {
    session.receive(JSON.stringify({ ...frame, id: 1 }))
    await vi.waitFor(() => expect(frames.some(({ message }) => message.type === 'reply')).toBe(true))
  }
  await ask({ type: 'subscribe', topics: ['*'] })
  let count = 0
  return {
    app,
    session,
    wire,
    frames,
    publish: async (times: number) => {
      for (let left = times; left > 0; left--) await app.publish('kept/a', [++count, 'x'.repeat(2_000)])
      await new Promise(setImmediate)
    },
    /** Numbers of the messages that the connection has got. */
    got: () =>
      frames.flatMap(({ message }) =>
        message.type === undefined ? [(message.payload as [number, string])[0]] : [],
      ),
    untilPing: async () => {
      const before = frames.length
      const isPing = ({ message }: Frame) => message.type === 'ping'
      return await vi.waitFor(() => {
        const ping = frames.slice(before).find(isPing)
        if (!ping) throw new Error('no ping yet')
        return ping.message as { readonly cursor?: string }
      })
    },
  }
}

describe("a client that does not read, with slowConsumer: 'resume'", () => {
  it('gets the kept messages in order when it reads again', async () => {
    verifies('delivery.history.slow-resume', 'delivery.history.position')
    const { wire, publish, got, session, untilPing } = await start()
    await publish(2)
    wire.buffered = LIMIT - 100
    await publish(6)
    expect(got()).toEqual([1, 2])
    expect((await untilPing()).cursor).toBeUndefined()
    await publish(3)
    wire.buffered = 0
    await vi.waitFor(() => expect(got()).toEqual(numbers(1, 11)))
    await publish(2)
    expect(got()).toEqual(numbers(1, 13))
    expect((await untilPing()).cursor).toBeDefined()
    expect(session.closed).toBe(false)
  })

  it('gets them as often as it falls behind', async () => {
    const { wire, publish, got } = await start()
    for (let round = 1; round <= 3; round++) {
      wire.buffered = LIMIT
      await publish(5)
      wire.buffered = 0
      await vi.waitFor(() => expect(got()).toEqual(numbers(1, 5 * round)))
    }
  })

  it('is disconnected if its other messages do not fit', async () => {
    verifies('delivery.history.slow-other')
    const { app, wire, session } = await start()
    wire.buffered = LIMIT
    await app.publish('other', 'x')
    await vi.waitFor(() => expect(session.closeReason?.code).toBe('slow_consumer'))
  })

  it('is disconnected rather than told a position before the messages that it has not got', async () => {
    const { app, wire, session } = await start()
    wire.buffered = LIMIT
    await app.publish('kept/a', 'x')
    session.receive(JSON.stringify({ type: 'subscribe', topics: ['kept/b'], id: 2 }))
    await vi.waitFor(() => expect(session.closeReason?.code).toBe('slow_consumer'))
  })
})
