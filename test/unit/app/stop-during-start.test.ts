import { createServer, type Server } from 'node:net'
import { createApp, type Plugin, type Transport, Transports } from 'rookery'
import { describe, expect, it, vi } from 'vitest'
import { recordingLogger } from '../../support/app.ts'
import { deferred } from '../../support/deferred.ts'
import { coded, failureOf } from '../handlers/handlers-support.ts'

const stopped = coded('app_stopped')

/** A plugin that logs each call. */
const part = (name: string, log: string[], overrides: Partial<Plugin> = {}): Plugin => ({
  name,
  start: () => void log.push(`start ${name}`),
  listen: () => void log.push(`listen ${name}`),
  stop: () => void log.push(`stop ${name}`),
  ...overrides,
})

const compose = (plugins: readonly Plugin[], options: object = {}) => {
  const logger = recordingLogger()
  return { app: createApp({ logger, plugins, ...options }), lines: logger.lines }
}

describe('stop() during start()', () => {
  it.each(['start', 'listen'] as const)(
    'aborts the signal of the plugin at %s, starts nothing more, and stops what has started',
    async (stage) => {
      const log: string[] = []
      const begun = deferred()
      const slow = part('slow', log, {
        [stage]: async (_scope: unknown, { signal }: { signal: AbortSignal }) => {
          log.push(`${stage} slow`)
          begun.resolve()
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
          log.push(`${signal.reason.code}`)
          throw new Error('given up')
        },
      })
      const { app, lines } = compose([part('first', log), slow, part('last', log)])
      const started = failureOf(app.start())
      await begun.promise
      await app.stop()
      expect(await started).toEqual(stopped)
      expect(app.state).toBe('stopped')
      expect(log.slice(log.indexOf(`${stage} slow`))).toEqual([
        `${stage} slow`,
        'app_stopped',
        ...(stage === 'listen' ? ['stop last'] : []),
        'stop slow',
        'stop first',
      ])
      expect(lines.filter(({ level }) => level !== 'info')).toEqual([])
    },
  )

  it('waits for a plugin that ignores the signal before it stops the plugin', async () => {
    const log: string[] = []
    const [begun, finish] = [deferred(), deferred()]
    const slow = part('slow', log, {
      start: async () => {
        begun.resolve()
        await finish.promise
        log.push('started slow')
      },
    })
    const { app } = compose([slow])
    const started = failureOf(app.start())
    await begun.promise
    const stopping = app.stop()
    finish.resolve()
    await stopping
    expect(await started).toEqual(stopped)
    expect(log).toEqual(['started slow', 'stop slow'])
  })

  it('closes a listener again that opens after the time to stop', async () => {
    const [begun, finish] = [deferred(), deferred()]
    let server: Server | undefined
    const listener: Plugin = {
      name: 'listener',
      listen: async () => {
        begun.resolve()
        await finish.promise
        const opened = createServer()
        server = opened
        await new Promise<void>((resolve) => opened.listen(0, '127.0.0.1', resolve))
      },
      stop: () => void server?.close(),
    }
    const { app, lines } = compose([listener], { stopTimeout: 20 })
    const started = failureOf(app.start())
    await begun.promise
    await app.stop()
    expect(await started).toEqual(stopped)
    expect(lines.find(({ level }) => level === 'warn')).toMatchObject({ starts: 1 })
    finish.resolve()
    await vi.waitFor(() => expect(server).toBeDefined())
    await vi.waitFor(() => expect(server?.listening).toBe(false))
  })

  it('starts no transport and does not listen', async () => {
    const log: string[] = []
    const begun = deferred()
    const transport: Transport = {
      name: 'pigeon',
      start: async () => {
        log.push('start pigeon')
        begun.resolve()
      },
      stop: async () => void log.push('stop pigeon'),
    }
    const { app } = compose([
      { name: 'pigeons', setup: (scope) => scope.get(Transports).add(transport) },
      part('a', log),
    ])
    const started = failureOf(app.start())
    await begun.promise
    await app.stop()
    expect(await started).toEqual(stopped)
    expect(log).toEqual(['start a', 'start pigeon', 'stop pigeon', 'stop a'])
  })

  it('in the same turn as start() starts no plugin', async () => {
    const log: string[] = []
    const { app } = compose([part('a', log)])
    const started = failureOf(app.start())
    await app.stop()
    expect(await started).toEqual(stopped)
    expect(log).toEqual([])
  })

  it('may be awaited by the plugin that starts', async () => {
    const log: string[] = []
    const { app, lines } = compose(
      [
        part('self', log, {
          start: async () => {
            await app.stop()
            log.push(app.state)
          },
        }),
      ],
      { stopTimeout: '1h' },
    )
    expect(await failureOf(app.start())).toEqual(stopped)
    await app.stop()
    await vi.waitFor(() => expect(log).toEqual(['stop self', 'stopped', 'stop self']))
    expect(lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([])
  })

  it('returns one promise, however often it is called', async () => {
    const { app } = compose([])
    const started = failureOf(app.start())
    const first = app.stop()
    expect(app.stop()).toBe(first)
    await first
    expect(app.stop()).toBe(first)
    expect(await started).toEqual(stopped)
  })
})

describe('the signal of a plugin', () => {
  it('is not aborted after a start in time, also when the app stops later', async () => {
    const signals: AbortSignal[] = []
    const keep: Plugin['start'] = (_scope, { signal }) => void signals.push(signal)
    const { app } = compose([{ name: 'a', start: keep, listen: keep }])
    await app.start()
    await app.stop()
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false])
  })

  it('aborts when the start exceeds startTimeout', async () => {
    let seen: AbortSignal | undefined
    const slow: Plugin = {
      name: 'slow',
      start: (_scope, { signal }) => {
        seen = signal
        return new Promise(() => {})
      },
    }
    const { app } = compose([slow], { startTimeout: 20 })
    await expect(app.start()).rejects.toEqual(coded('plugin_timeout'))
    expect(seen?.reason).toEqual(coded('plugin_timeout'))
  })
})
