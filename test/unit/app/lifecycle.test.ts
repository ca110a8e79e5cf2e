import { createApp, definePlugin, type Plugin, type Transport, Transports } from 'rookery'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { recordingLogger } from '../../support/app.ts'
import { coded, failureOf } from '../handlers/handlers-support.ts'

afterEach(() => vi.useRealTimers())

const never = () => new Promise<void>(() => {})

const compose = (...plugins: readonly Plugin[]) => {
  const logger = recordingLogger()
  return { app: createApp({ logger, plugins }), lines: logger.lines }
}

/** A plugin that logs each call, and then calls the method in `overrides`. */
const part = (name: string, log: string[], overrides: Partial<Plugin> = {}): Plugin => ({
  name,
  start: (scope, options) => {
    log.push(`start ${name}`)
    return overrides.start?.(scope, options)
  },
  listen: (scope, options) => {
    log.push(`listen ${name}`)
    return overrides.listen?.(scope, options)
  },
  stop: () => {
    log.push(`stop ${name}`)
    return overrides.stop?.()
  },
})

const fails = (message: string) => () => Promise.reject(new Error(message))

describe('start', () => {
  it('resolves with the app, and starts it once, however often it is called', async () => {
    const log: string[] = []
    const { app } = compose(part('a', log))
    expect(app.state).toBe('created')
    const first = app.start()
    expect(app.state).toBe('starting')
    expect(await Promise.all([first, app.start()])).toEqual([app, app])
    expect(app.state).toBe('started')
    expect(log).toEqual(['start a', 'listen a'])
    await app.stop()
    expect(app.state).toBe('stopped')
  })

  it('starts transports after start() and before listen() of the plugins, and stops them before the plugins', async () => {
    const log: string[] = []
    const transport: Transport = {
      name: 'pigeon',
      start: async () => void log.push('start pigeon'),
      stop: async () => void log.push('stop pigeon'),
    }
    const { app } = compose(
      { name: 'pigeons', setup: (scope) => scope.get(Transports).add(transport) },
      part('a', log),
    )
    await app.start()
    await app.stop()
    expect(log).toEqual(['start a', 'start pigeon', 'listen a', 'stop pigeon', 'stop a'])
  })

  it.each(['start', 'listen'] as const)(
    'that fails at %s rejects with the plugin and the cause, and stops the started plugins',
    async (stage) => {
      const log: string[] = []
      const { app } = compose(
        part('first', log),
        part('broken', log, { [stage]: fails('no port') }),
        part('last', log),
      )
      expect(await failureOf(app.start())).toEqual(
        coded('plugin_failed', {
          message: `Plugin 'broken' failed at ${stage}: no port`,
          cause: expect.objectContaining({ message: 'no port' }),
        }),
      )
      const stops = log.filter((line) => line.startsWith('stop'))
      expect(stops).toEqual([...(stage === 'listen' ? ['stop last'] : []), 'stop broken', 'stop first'])
      expect(app.state).toBe('stopped')
    },
  )

  it('names a plugin that rejects with a value that is not an Error', async () => {
    const { app } = compose(part('odd', [], { start: () => Promise.reject('a string') }))
    await expect(app.start()).rejects.toEqual(
      coded('plugin_failed', { message: "Plugin 'odd' failed at start: a string" }),
    )
  })

  it('gives each plugin 10 s, then rejects with its name and stops the started plugins', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const log: string[] = []
    const { app } = compose(part('first', log), part('slow', log, { start: never }))
    const failure = failureOf(app.start())
    await vi.advanceTimersByTimeAsync(9999)
    expect(app.state).toBe('starting')
    await vi.advanceTimersByTimeAsync(1)
    expect(await failure).toEqual(
      coded('plugin_timeout', { message: expect.stringMatching(/slow.*start.*10000 ms/) }),
    )
    expect(log).toEqual(['start first', 'start slow', 'stop slow', 'stop first'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('gives each plugin the startTimeout of the app', async () => {
    const app = createApp({
      logger: 'silent',
      startTimeout: '20ms',
      plugins: [part('slow', [], { start: never })],
    })
    await expect(app.start()).rejects.toEqual(coded('plugin_timeout'))
  })

  it('rejects after a stop', async () => {
    const { app } = compose()
    await app.stop()
    await expect(app.start()).rejects.toEqual(coded('app_stopped'))
    expect(app.state).toBe('stopped')
  })

  it('rejects after a stop of an app that had started', async () => {
    const { app } = compose()
    await app.start()
    await app.stop()
    await expect(app.start()).rejects.toEqual(coded('app_stopped'))
  })
})

describe('stop', () => {
  it('stops every plugin in reverse order, and logs each error without rejecting', async () => {
    const log: string[] = []
    const { app, lines } = compose(
      part('a', log),
      part('b', log, { stop: fails('stuck') }),
      part('c', log, {
        stop: () => {
          throw new Error('thrown')
        },
      }),
      part('d', log),
    )
    await app.start()
    await app.stop()
    expect(log.slice(-4)).toEqual(['stop d', 'stop c', 'stop b', 'stop a'])
    expect(lines.filter(({ level }) => level === 'error')).toMatchObject([
      { plugin: 'c', stage: 'stop', err: { message: 'thrown' } },
      { plugin: 'b', stage: 'stop', err: { message: 'stuck' } },
    ])
  })

  it('gives each plugin 10 s, then logs its name and stops the next', async () => {
    vi.useFakeTimers()
    const log: string[] = []
    const { app, lines } = compose(part('a', log), part('slow', log, { stop: never }))
    await app.start()
    const stopped = app.stop()
    await vi.advanceTimersByTimeAsync(10_000)
    await stopped
    expect(log.slice(-2)).toEqual(['stop slow', 'stop a'])
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'error', plugin: 'slow', err: coded('plugin_timeout') }),
    )
    expect(vi.getTimerCount()).toBe(0)
  })

  it('stops the app once, however often it is called', async () => {
    const log: string[] = []
    const { app } = compose(part('a', log))
    await app.start()
    await Promise.all([app.stop(), app.stop()])
    await app.stop()
    expect(log.filter((line) => line === 'stop a')).toHaveLength(1)
  })

  it('of an app that never started stops nothing', async () => {
    const log: string[] = []
    const { app } = compose(part('a', log))
    await app.stop()
    expect(log).toEqual([])
    expect(app.state).toBe('stopped')
  })

  it('stops nothing again after a failed start', async () => {
    const log: string[] = []
    const { app } = compose(part('broken', log, { start: fails('no') }))
    await failureOf(app.start())
    await app.stop()
    expect(log).toEqual(['start broken', 'stop broken'])
  })

  it('clears the scope, and aborts the signals of running listeners', async () => {
    const app = createApp({ logger: 'silent', stopTimeout: '20ms', plugins: [definePlugin({ name: 'x' })] })
    let signal: AbortSignal | undefined
    app.bus.subscribe('a', (_event, ctx) => {
      signal = ctx.signal
      return never()
    })
    await app.start()
    const published = app.bus.publishAndWait('a')
    await vi.waitFor(() => expect(signal).toBeDefined())
    await app.stop()
    await published
    expect(signal?.reason).toEqual(coded('app_stopped'))
    expect(app.scope.has(Transports)).toBe(false)
  })
})
