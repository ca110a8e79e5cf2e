import { createApp, type Logger, RookeryError } from 'rookery'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ask, startThree, TRANSPORTS, welcomeBy } from '../support/three-transports.ts'

/** An error of the application with the name of Rookery's errors. */
class Mine extends Error {
  override name = 'RookeryError'
}

const throwing = () => {
  throw new Error('a getter that throws')
}

const THROWN: Readonly<Record<string, () => unknown>> = {
  'an error of another class with the same name': () => new Mine('mine'),
  'an error whose issues are no list': () => Object.assign(new RookeryError('sold_out'), { issues: 5 }),
  'an error with a getter that throws': () => Object.defineProperty(new Mine(), 'code', { get: throwing }),
  'an aggregate without a list': () => Object.assign(new AggregateError([]), { errors: 5 }),
  'the value null': () => null,
  'the value undefined': () => undefined,
}

describe.each(TRANSPORTS)('a handler that throws, over %s,', (transport) => {
  it.each(Object.keys(THROWN))('%s, is answered, and the server goes on', async (what) => {
    const { app, url } = await startThree()
    app.handle('throw', () => {
      throw THROWN[what]?.()
    })
    app.handle('reject', () => Promise.reject(THROWN[what]?.()))
    const peer = await welcomeBy(transport, url)
    const code = what.startsWith('an error whose issues') ? 'sold_out' : 'internal'
    expect(await ask(peer, { topic: 'throw' })).toBe(code)
    expect(await ask(peer, { topic: 'reject' })).toBe(code)
    expect(await ask(peer, { topic: 'echo', payload: 1 })).toBe(1)
  })
})

describe('a logger that throws', () => {
  it('does not stop the bus, and publishAndWait resolves', async () => {
    const fault = () => {
      throw new Error('disk full')
    }
    const logger: Logger = { debug: fault, info: fault, warn: fault, error: fault }
    const app = createApp({ logger })
    onTestFinished(() => app.stop())
    await app.start()
    const received: unknown[] = []
    app.bus.subscribe('a', () => {
      throw new Error('a listener that throws')
    })
    app.bus.subscribe('a', ({ payload }) => void received.push(payload))
    await app.bus.publishAndWait('a', 1)
    await app.bus.publishAndWait('a', 2)
    expect(received).toEqual([1, 2])
  })
})
