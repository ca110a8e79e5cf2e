import { createApp, definePlugin, type Frame, type TransportHost, Transports, type Wire } from 'rookery'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { recordingLogger } from '../support/app.ts'

/** Starts an app with a transport in memory. */
const startBare = async () => {
  let host: TransportHost | undefined
  const plugin = definePlugin({
    name: 'memory',
    setup: (scope) =>
      scope.get(Transports).add({
        name: 'memory',
        start: async (given) => {
          host = given
        },
        stop: async () => {},
      }),
  })
  const logger = recordingLogger()
  const app = await createApp({ logger, plugins: [plugin] }).start()
  onTestFinished(() => app.stop())
  const open = async (wire: Partial<Wire>) => {
    const whole = { write: () => {}, buffered: 0, close: () => {}, terminate: () => {}, ...wire }
    const handshake = { transport: 'memory', address: '', headers: {}, query: new URLSearchParams() }
    return await (host as TransportHost).open(handshake, whole)
  }
  return { app, open, lines: logger.lines }
}

describe('a wire that throws, against its contract', () => {
  it('ends its own session, and other sessions get their messages', async () => {
    const { app, open, lines } = await startBare()
    const written: string[] = []
    let broken = false
    const write = () => {
      if (broken) throw new Error('the wire is broken')
    }
    const terminate = vi.fn()
    const bad = await open({ write, terminate })
    const good = await open({
      write: (frames: readonly Frame[]) => written.push(...frames.map(({ text }) => text)),
    })
    for (const session of [bad, good]) session.subscribe('news')
    await vi.waitFor(() => expect(written).toHaveLength(1))
    broken = true
    await app.publish('news', 1)
    await vi.waitFor(() => expect(written.at(-1)).toBe('{"topic":"news","payload":1}'))
    expect(bad.closed).toBe(true)
    expect(terminate).toHaveBeenCalledOnce()
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'error', session: bad.id.slice(0, 21), stage: 'write' }),
    )
    expect([...app.sessions]).toEqual([good])
  })

  it('does not prevent the app from stopping', async () => {
    const { app, open } = await startBare()
    await open({
      write: () => {
        throw new Error('the wire is broken')
      },
    })
    await app.stop()
    expect(app.usage).toEqual({ sessions: 0, patterns: 0, nodes: 0 })
  })
})

describe('a handler that does not await its publish', () => {
  it('goes on if a client makes it publish to an invalid topic, and the error is logged', async () => {
    const { app, open, lines } = await startBare()
    app.handle('say', (ctx, payload) => {
      void ctx.publish(`rooms/${payload}/messages`, 1)
    })
    const written: string[] = []
    const session = await open({
      write: (frames: readonly Frame[]) => written.push(...frames.map(({ text }) => text)),
    })
    session.receive('{"topic":"say","payload":"a b","id":1}')
    await vi.waitFor(() => expect(written).toContain('{"type":"reply","id":1}'))
    await vi.waitFor(() =>
      expect(lines.find(({ stage }) => stage === 'publish')).toMatchObject({
        err: { code: 'invalid_topic' },
      }),
    )
  })
})

describe('publish with invalid input', () => {
  it.each([
    ['no topic', undefined],
    ['null', null],
    ['an invalid topic', 'a b'],
    ['no topics', { topics: [], payload: 1 }],
    ['an invalid topic among others', { topics: ['a', ''], payload: 1 }],
  ])('rejects: %s', async (_what, input) => {
    const { app } = await startBare()
    verifies('delivery.published.rejects-first')
    await expect(app.publish(input as string)).rejects.toMatchObject({ code: 'invalid_topic' })
  })

  it('rejects if the payload cannot be written as JSON, with or without subscribers', async () => {
    const { app } = await startBare()
    verifies('delivery.published.rejects-first')
    const heard = vi.fn()
    app.bus.subscribe('a', heard)
    await expect(app.publish('a', 1n)).rejects.toMatchObject({ code: 'unserializable' })
    app.bus.publish('a', 1n)
    await vi.waitFor(() => expect(heard).toHaveBeenCalledOnce())
  })
})
