import { RookeryError } from 'rookery'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  createLogger,
  isLogger,
  isLogLevel,
  isolateLogger,
  type Logger,
  type LogLevel,
} from '../../../core/util/logger.ts'
import { recordingLogger } from '../../support/app.ts'

const METHODS = ['debug', 'info', 'warn', 'error'] as const

const written: { readonly method: string; readonly text: string }[] = []
/** The fields of the last line. */
const line = () => JSON.parse(written.at(-1)?.text ?? 'null')

beforeEach(() => {
  written.length = 0
  for (const method of METHODS) {
    vi.spyOn(console, method).mockImplementation((...args) => {
      expect(args).toEqual([expect.any(String)])
      written.push({ method, text: args[0] })
    })
  }
})
afterEach(() => vi.restoreAllMocks())

describe('the logger', () => {
  it.each([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['error', ['error']],
    ['silent', []],
  ] as const)('of level %s writes %j', (level, expected) => {
    const log = createLogger(level)
    for (const method of METHODS) log[method]('hello')
    expect(written.map(({ method }) => method)).toEqual(expected)
  })

  it('has the level info by default', () => {
    createLogger().debug('no')
    createLogger().info('yes')
    expect(written).toHaveLength(1)
  })

  it('writes one JSON object per line: level, time, fields and message', () => {
    createLogger().warn({ port: 3000, user: 'a\nb' }, 'listening')
    expect(written[0]?.text).not.toContain('\n')
    expect(line()).toEqual({
      level: 'warn',
      time: expect.any(String),
      port: 3000,
      user: 'a\nb',
      msg: 'listening',
    })
    expect(new Date(line().time).toISOString()).toBe(line().time)
    createLogger().info('just a message')
    expect(line()).toEqual({ level: 'info', time: expect.any(String), msg: 'just a message' })
    createLogger().info({ only: 'fields' })
    expect(line()).toEqual({ level: 'info', time: expect.any(String), only: 'fields' })
  })

  it('writes errors with name, message, code, stack, and all their causes', () => {
    const root = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    const err = new TypeError('cannot start', { cause: new Error('no broker', { cause: root }) })
    createLogger().error({ err }, 'failed')
    expect(line().err).toEqual({
      name: 'TypeError',
      message: 'cannot start',
      stack: expect.stringContaining('logger.test.ts'),
      cause: {
        name: 'Error',
        message: 'no broker',
        stack: expect.any(String),
        cause: { name: 'Error', message: 'refused', code: 'ECONNREFUSED', stack: expect.any(String) },
      },
    })
  })

  it('writes the cause and stack of a RookeryError, which clients never get', () => {
    const err = new RookeryError('plugin_failed', 'no', { cause: new Error('the reason') })
    createLogger().error({ err })
    expect(line().err).toMatchObject({
      name: 'RookeryError',
      code: 'plugin_failed',
      message: 'no',
      stack: expect.any(String),
      cause: { message: 'the reason' },
    })
  })

  it('writes each error of an AggregateError', () => {
    createLogger().error({ err: new AggregateError([new Error('one'), new Error('two')], 'both') })
    expect(line().err).toMatchObject({ message: 'both', errors: [{ message: 'one' }, { message: 'two' }] })
  })

  it('writes a cause that is not an Error', () => {
    createLogger().error({ err: new Error('no', { cause: { status: 404 } }) })
    expect(line().err.cause).toEqual({ status: 404 })
  })
})

describe('a log call never throws', () => {
  it('for bigints', () => {
    createLogger().info({ big: 2n ** 64n, list: [1n] }, 'big')
    expect(line()).toMatchObject({ big: '18446744073709551616', list: ['1'], msg: 'big' })
  })

  it('for circular references, and cuts only those', () => {
    const shared = { a: 1 }
    const circular: Record<string, unknown> = { one: shared, other: shared, list: [shared, shared] }
    circular.self = circular
    circular.deep = { list: [circular] }
    createLogger().info({ circular }, 'round')
    expect(line()).toMatchObject({
      msg: 'round',
      circular: {
        one: { a: 1 },
        other: { a: 1 },
        list: [{ a: 1 }, { a: 1 }],
        self: '[circular]',
        deep: { list: ['[circular]'] },
      },
    })
  })

  it('for errors that are their own cause', () => {
    const err = new Error('round')
    err.cause = { error: err }
    createLogger().error({ err })
    expect(line().err).toMatchObject({ message: 'round', cause: { error: '[circular]' } })
  })

  const throws = () => {
    throw new Error('no')
  }
  it.each([
    ['a getter that throws', Object.defineProperty({}, 'a', { get: throws, enumerable: true })],
    ['a nested getter that throws', { a: Object.defineProperty({}, 'b', { get: throws, enumerable: true }) }],
    ['a toJSON that throws', { a: { toJSON: throws } }],
    ['a revoked proxy', { a: revoked() }],
    ['null', null as unknown as object],
  ])('for %s, and writes at least the message', (_what, fields) => {
    createLogger().error(fields, 'what happened')
    expect(line()).toMatchObject({ level: 'error', msg: 'what happened' })
  })

  it.each([
    ['functions and symbols', { f: () => {}, s: Symbol('s') }],
    ['undefined', { a: undefined }],
    ['an invalid date', { at: new Date(Number.NaN) }],
    ['a map', { map: new Map([[1, 2]]) }],
  ])('for %s', (_what, fields) => {
    createLogger().info(fields, 'fine')
    expect(line()).toMatchObject({ msg: 'fine' })
  })
})

const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

describe('the check of options', () => {
  it('accepts any object with the four methods as a logger', () => {
    expect(isLogger(createLogger())).toBe(true)
    expect(isLogger(recordingLogger())).toBe(true)
    for (const wrong of [null, undefined, 'info', {}, { ...createLogger(), warn: undefined }]) {
      expect(isLogger(wrong)).toBe(false)
    }
  })

  it('accepts the five levels, and no other value', () => {
    const levels: LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']
    expect(levels.every(isLogLevel)).toBe(true)
    for (const wrong of ['trace', '', null, 0]) expect(isLogLevel(wrong)).toBe(false)
  })
})

describe('a logger of the application', () => {
  it('may throw or reject: the log call does neither, and the console reports the first fault', async () => {
    const received: unknown[] = []
    const logger = isolateLogger({
      debug: (...line: unknown[]) => void received.push(line),
      info: () => Promise.reject(new Error('disk full')),
      warn: () => {
        throw new Error('disk full')
      },
      error: () => {
        throw new Error('disk full')
      },
    } as unknown as Logger)
    logger.debug({ a: 1 }, 'as it is')
    logger.info('rejects')
    logger.warn('throws')
    logger.error('throws')
    await new Promise(setImmediate)
    expect(received).toEqual([[{ a: 1 }, 'as it is']])
    expect(written.map(({ method }) => method)).toEqual(['error'])
    expect(line()).toMatchObject({
      msg: expect.stringContaining('the logger failed'),
      err: { message: 'disk full' },
    })
  })
})
