import { type AppOptions, createApp, definePlugin, type Frame, type TransportHost, Transports } from 'rookery'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { recordingLogger } from '../support/app.ts'

const LIMIT = 10_000
/** Text of this many bytes, less the bytes of the frame around it. */
const bytes = (count: number) => 'x'.repeat(count)

/** An app with one session, whose connection buffers as many bytes as the test says. */
const start = async (slowConsumer: NonNullable<AppOptions['slowConsumer']>) => {
  let host: TransportHost | undefined
  const transport = {
    name: 'memory',
    start: async (given: TransportHost) => {
      host = given
    },
    stop: async () => {},
  }
  const plugin = definePlugin({ name: 'memory', setup: (scope) => scope.get(Transports).add(transport) })
  const logger = recordingLogger()
  const app = createApp({ logger, slowConsumer, limits: { maxBuffered: LIMIT }, plugins: [plugin] })
  app.handle('echo', (_ctx, payload) => payload)
  await app.start()
  onTestFinished(() => app.stop())
  const written: Frame[] = []
  const wire = {
    buffered: 0,
    write: (frames: readonly Frame[]) => void written.push(...frames),
    close: () => {},
    terminate: () => {},
  }
  const handshake = { transport: 'memory', address: '', headers: {}, query: new URLSearchParams() }
  const session = await (host as TransportHost).open(handshake, wire)
  session.subscribe('news')
  await vi.waitFor(() => expect(written).toHaveLength(1))
  written.length = 0
  return {
    app,
    session,
    wire,
    lines: logger.lines,
    /** What a frame on the wire is about: its topic, or its type. */
    written: () => written.map(({ message }) => message.type ?? message.topic),
    frames: written,
    /** Publishes a message and waits for the turn in which it is written. */
    publish: async (size: number) => {
      await app.publish('news', bytes(size))
      await new Promise(setImmediate)
    },
  }
}

describe('a session', () => {
  it('misses no message as long as no more than maxBuffered bytes wait for its client', async () => {
    verifies('delivery.slow.nothing-below-limit')
    for (const slowConsumer of ['disconnect', 'drop'] as const) {
      const { wire, publish, written, session } = await start(slowConsumer)
      wire.buffered = 5_000
      for (let count = 0; count < 20; count++) await publish(4_900)
      expect(written()).toEqual(Array(20).fill('news'))
      expect(session.closed).toBe(false)
    }
  })

  it('that has read everything gets the next write, however large it is', async () => {
    verifies('delivery.slow.large-write')
    for (const slowConsumer of ['disconnect', 'drop'] as const) {
      const { publish, written, session } = await start(slowConsumer)
      await publish(20 * LIMIT)
      expect(written()).toEqual(['news'])
      expect(session.closed).toBe(false)
    }
  })

  it('loses the frames that are queued for it when its connection is lost', async () => {
    verifies('delivery.end.queued-frames-dropped')
    const { app, session, written } = await start('disconnect')
    const published = app.publish('news', 1)
    session.disconnected()
    await published
    await new Promise(setImmediate)
    expect(written()).toEqual([])
    expect(app.sessions.size).toBe(0)
  })
})

describe('a slow consumer', () => {
  it('with `disconnect` gets close instead of the queued frames, and may reconnect', async () => {
    verifies('delivery.slow.disconnect', 'delivery.slow.dropped-at-end')
    const { app, wire, publish, written, frames } = await start('disconnect')
    wire.buffered = 5_000
    await publish(5_100)
    expect(written()).toEqual(['close'])
    const close = { error: { code: 'slow_consumer' }, reconnectAfter: expect.any(Number) }
    expect(frames[0]?.message).toMatchObject(close)
    expect(app.sessions.size).toBe(0)
  })

  it('with `drop` misses the messages of the write that is too much, and gets replies and later messages', async () => {
    verifies('delivery.slow.drop', 'delivery.slow.drop-keeps-replies')
    const { app, session, wire, publish, written } = await start('drop')
    wire.buffered = 5_000
    session.receive('{"topic":"echo","id":1}')
    session.receive('{"type":"subscribe","topics":["other"],"id":2}')
    session.receive('{"type":"hack"}')
    session.send('addressed', 1)
    await publish(5_100)
    await vi.waitFor(() => expect(written()).toHaveLength(3))
    expect(written().sort()).toEqual(['error', 'reply', 'reply'])
    wire.buffered = 0
    await publish(100)
    expect(written().at(-1)).toBe('news')
    expect(app.sessions.size).toBe(1)
  })

  it('with `drop` ends at the next write if more than twice the limit waits for it', async () => {
    verifies('delivery.slow.drop-twice-the-limit')
    const { session, wire, publish, written, frames } = await start('drop')
    wire.buffered = 2 * LIMIT
    await publish(100)
    expect([written(), session.closed]).toEqual([[], false])
    wire.buffered = 2 * LIMIT + 1
    await publish(100)
    expect(written()).toEqual(['close'])
    expect(frames[0]?.message).toMatchObject({ error: { code: 'slow_consumer' } })
  })

  it('with `drop` is not told of dropped messages, which the server counts and logs once a second', async () => {
    verifies('delivery.slow.log')
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'Date', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const { wire, publish, written, lines } = await start('drop')
    wire.buffered = LIMIT
    for (let count = 0; count < 50; count++) await publish(100)
    expect(written()).toEqual([])
    await vi.advanceTimersByTimeAsync(1_000)
    const logged = () => lines.filter(({ msg }) => msg?.includes('slow consumers'))
    const dropped = () => logged().reduce((sum, line) => sum + Number(line.dropped), 0)
    expect(dropped()).toBe(50)
    expect(logged().length).toBeLessThanOrEqual(2)
  })
})
