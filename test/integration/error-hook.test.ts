import { createApp, type ErrorReport, RookeryError, type Session } from 'rookery'
import { describe, expect, it, vi } from 'vitest'
import { recordingLogger } from '../support/app.ts'
import {
  ask,
  closedWith,
  connectBy,
  startThree,
  TRANSPORTS,
  until,
  welcomeBy,
} from '../support/three-transports.ts'

const fault = new Error('a fault of the application')

const failing = () => {
  throw fault
}

describe.each(TRANSPORTS)('over %s, an error hook', (transport) => {
  it('gets an internal error of a handler, of middleware and of a reply, with the id that the client gets', async () => {
    const { app, url, lines } = await startThree()
    const reports: ErrorReport[] = []
    app.onError((report) => reports.push(report))
    app.handle('handler', failing)
    app.handle('reply', () => ({ tags: [new Map()] }))
    app.handle('middleware', () => {})
    app.use('middleware', failing)
    const peer = await welcomeBy(transport, url)
    for (const [at, topic] of ['handler', 'middleware', 'reply'].entries()) {
      void peer.send({ topic, id: at })
      const reply = await until(peer, (frame) => frame.type === 'reply' && frame.id === at)
      expect(reply).toMatchObject({ error: { code: 'internal', message: 'Internal error' } })
      const [session] = app.sessions
      const { id } = (reply as unknown as { error: { id: string } }).error
      expect(reports[at]).toMatchObject({ stage: 'handler', topic, id })
      expect(reports[at]!.session).toBe(session)
      expect(lines.find(({ errorId }) => errorId === id)).toMatchObject({ level: 'error', topic })
    }
    expect(reports.slice(0, 2).map(({ error }) => error)).toEqual([fault, fault])
    expect(reports[2]!.error).toMatchObject({
      code: 'unserializable',
      message: expect.stringContaining('payload.tags[0] is a Map'),
    })
  })

  it('gets errors of hooks in the handshake and after the close', async () => {
    const { app, url } = await startThree()
    const reports: ErrorReport[] = []
    app.onError((report) => reports.push(report))
    const remove = app.sessions.onOpen(failing)
    const refused = await connectBy(transport, url)
    await closedWith(refused)
    await vi.waitFor(() => expect(reports).toMatchObject([{ error: fault, stage: 'handshake' }]))
    remove()
    app.sessions.onClose(async () => failing())
    const peer = await welcomeBy(transport, url)
    const [session] = app.sessions as Iterable<Session>
    session!.close()
    await closedWith(peer)
    await vi.waitFor(() => expect(reports[1]).toMatchObject({ error: fault, stage: 'close' }))
    expect(reports[1]!.session?.id).toBe(session!.id)
  })

  it('does not get errors that a client may see', async () => {
    const { app, url } = await startThree()
    const hook = vi.fn()
    app.onError(hook)
    app.handle('sold_out', () => {
      throw new RookeryError('sold_out')
    })
    const peer = await welcomeBy(transport, url)
    expect(await ask(peer, { topic: 'sold_out' })).toBe('sold_out')
    expect(await ask(peer, { topic: 'nobody' })).toBe('unknown_topic')
    expect(hook).not.toHaveBeenCalled()
  })
})

describe('an error hook', () => {
  const withFault = () => {
    const logger = recordingLogger()
    const app = createApp({ logger })
    app.bus.subscribe('a', failing)
    return { app, lines: logger.lines }
  }

  it('gets errors of bus listeners', async () => {
    const { app, lines } = withFault()
    const reports: ErrorReport[] = []
    app.onError((report) => reports.push(report))
    await app.bus.publishAndWait('a', 1)
    expect(reports).toMatchObject([{ error: fault, stage: 'listener', topic: 'a' }])
    expect(lines.find(({ stage }) => stage === 'listener')).toMatchObject({
      errorId: reports[0]!.id,
      topics: ['a'],
    })
  })

  it.each([
    ['throws', failing],
    ['rejects', async () => failing()],
  ])('that %s is logged, and the other hooks get the error', async (_how, hook) => {
    const { app, lines } = withFault()
    const other = vi.fn()
    app.onError(hook)
    app.onError(other)
    await app.bus.publishAndWait('a', 1)
    expect(other).toHaveBeenCalledOnce()
    await vi.waitFor(() =>
      expect(lines.find(({ stage }) => stage === 'onError')).toMatchObject({ err: fault }),
    )
  })

  it('gets nothing after its removal, which is idempotent', async () => {
    const { app } = withFault()
    const hook = vi.fn()
    const remove = app.onError(hook)
    app.onError(hook)
    remove()
    remove()
    await app.bus.publishAndWait('a', 1)
    expect(hook).toHaveBeenCalledOnce()
  })

  it('must be a function', () => {
    expect(() => createApp().onError(undefined as never)).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    )
  })
})
