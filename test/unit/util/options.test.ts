import fc from 'fast-check'
import { type AppOptions, createApp } from 'rookery'
import { describe, expect, it } from 'vitest'
import { checkOptions, type Duration, milliseconds, option } from '../../../core/util/options.ts'
import { coded } from '../handlers/handlers-support.ts'

const create = (options: unknown) => createApp({ logger: 'silent', ...(options as AppOptions) })

const refuses = (options: unknown, ...says: readonly string[]) => {
  const message = expect.stringMatching(new RegExp(says.map(literally).join('.*'), 's'))
  expect(() => create(options)).toThrow(coded('invalid_option', { message }))
}
const literally = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')

const DURATION = "milliseconds from 1 to 2147483647, or a string such as '10s'"

describe('createApp', () => {
  it('accepts no options, and options that are undefined', () => {
    expect(createApp({ logger: 'silent' }).state).toBe('created')
    const names = ['plugins', 'limits', 'slowConsumer', 'pingInterval', 'handlerTimeout', 'bus']
    expect(create(Object.fromEntries(names.map((name) => [name, undefined]))).state).toBe('created')
    expect(create({ limits: { maxPayload: undefined }, bus: { maxPending: undefined } }).state).toBe(
      'created',
    )
  })

  it.each([
    [null, 'null'],
    ['silent', '"silent"'],
    [42, '42'],
    [[], 'a list'],
    [() => {}, 'a function'],
  ])('refuses options that are not an object: %s', (options, shown) => {
    expect(() => createApp(options as never)).toThrow(
      coded('invalid_option', { message: `createApp(): the options must be an object, not ${shown}` }),
    )
  })

  it.each([
    [{ pluggins: [] }, "createApp(): there is no option 'pluggins'; the options are plugins, logger, limits"],
    [
      { limits: { byteBurst: 1000 } },
      "createApp() limits: option 'byteBurst' must be at least maxPayload, 65536, not 1000",
    ],
    [
      { limits: { maxPayloads: 1 } },
      "createApp() limits: there is no option 'maxPayloads'; the options are maxPayload,",
    ],
    [
      { bus: { timeout: 1 } },
      "createApp() bus: there is no option 'timeout'; the options are listenerTimeout, maxPending",
    ],
    [{ toString: 1 }, "there is no option 'toString'"],
  ])('refuses an unknown option, and lists the known ones: %j', (options, message) => {
    refuses(options, message)
  })

  it.each([
    ['plugins', 'http', 'a list', '"http"'],
    ['plugins', { name: 'x' }, 'a list', 'an object'],
    ['plugins', [null], 'a list in which each entry is a plugin', 'a list'],
    ['plugins', [{}], 'did you forget to call it?', 'a list'],
    ['plugins', [{ name: '' }], 'a plugin', 'a list'],
    ['plugins', [{ name: 'x', start: 'now' }], 'a plugin', 'a list'],
    ['plugins', [{ name: 'x', requires: 'HttpServer' }], 'a plugin', 'a list'],
    ['logger', 'verbose', "a logger with debug, info, warn and error, or one of 'debug'", '"verbose"'],
    ['logger', { info() {} }, 'a logger with debug', 'an object'],
    ['logger', null, 'a logger with debug', 'null'],
    ['limits', 42, 'an object', '42'],
    ['limits', [], 'an object', 'a list'],
    ['slowConsumer', 'ignore', "one of 'disconnect', 'drop'", '"ignore"'],
    ['bus', true, 'an object', 'true'],
  ])('names the option, the value and the fix if %s is %j', (name, value, wanted, shown) => {
    refuses({ [name]: value }, `createApp(): option '${name}' must be `, wanted, `, not ${shown}`)
  })

  it.each([
    'pingInterval',
    'pingTimeout',
    'handshakeTimeout',
    'handlerTimeout',
    'startTimeout',
    'stopTimeout',
  ])('accepts only durations for %s', (name) => {
    for (const fine of [1, 2 ** 31 - 1, '1ms', '10s', '1.5m', '2h', '24d']) {
      expect(create({ [name]: fine }).state).toBe('created')
    }
    for (const [wrong, shown] of [
      [0, '0'],
      [-1, '-1'],
      [Number.NaN, 'NaN'],
      [Number.POSITIVE_INFINITY, 'Infinity'],
      [2 ** 31, '2147483648'],
      ['25d', '"25d"'],
      ['0s', '"0s"'],
      ['10', '"10"'],
      ['10 s', '"10 s"'],
      ['1e3ms', '"1e3ms"'],
      ['ten seconds', '"ten seconds"'],
      [null, 'null'],
      [{}, 'an object'],
    ] as const) {
      refuses({ [name]: wrong }, `createApp(): option '${name}' must be ${DURATION}, not ${shown}`)
    }
  })

  it.each([
    ['limits', 'maxPayload', 1, 'a whole number from 1 to 536870912'],
    ['limits', 'maxSubscriptions', 0, 'a whole number from 0'],
    ['limits', 'messageRate', 1, 'a whole number from 1'],
    ['limits', 'messageBurst', 1, 'a whole number from 1'],
    ['limits', 'maxBuffered', 1, 'a whole number from 1'],
    ['bus', 'maxPending', 1, 'a whole number from 1'],
  ])('accepts only whole numbers for %s.%s, from %i', (group, name, least, wanted) => {
    expect(create({ [group]: { [name]: least } }).state).toBe('created')
    for (const wrong of [least - 1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, true, null]) {
      refuses(
        { [group]: { [name]: wrong } },
        `createApp() ${group}: option '${name}' must be ${wanted}`,
        `, not ${wrong}`,
      )
    }
    refuses({ [group]: { [name]: '10' } }, `option '${name}' must be ${wanted}`, ', not "10"')
  })
})

describe('a duration', () => {
  it.each([
    [250, 250],
    ['250ms', 250],
    ['10s', 10_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
  ] as const)('of %s is %i ms', (duration, expected) => {
    expect(milliseconds(duration)).toBe(expected)
  })

  it('that passes the check has a number of milliseconds within the bounds', () => {
    const check = option.duration(5, 1000)
    const texts = fc
      .tuple(fc.oneof(fc.double(), fc.nat(2000)), fc.constantFrom('', 'ms', 's', 'm', 'h', 'd', 'w'))
      .map(([number, unit]) => `${number}${unit}`)
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.nat(2000), texts, fc.string(), fc.anything()), (value) => {
        if (check(value) !== undefined) return
        expect(milliseconds(value as Duration)).toBeGreaterThanOrEqual(5)
        expect(milliseconds(value as Duration)).toBeLessThanOrEqual(1000)
      }),
    )
  })
})

describe('the checks of options', () => {
  it.each([
    ['boolean', option.boolean, [true, false], [0, 'true', null]],
    ['string', option.string, ['a'], ['', 0, null]],
    ['path', option.path, ['/', '/api/v1/ws'], ['', 'api', '/a b', '/a?b', '/a#b', '/*', 1]],
    ['function', option.function, [() => {}], [{}, null]],
    ['object', option.object, [{}], [null, [], 'a']],
    ['list', option.list(option.integer(1)), [[], [1, 2]], [1, [0], [1, 'a']]],
    ['either', option.either(option.boolean, option.object), [true, {}], [1, null]],
    ['any', option.any, [1, null, {}], []],
  ])('%s', (_name, check, fine, wrong) => {
    for (const value of fine) expect(check(value)).toBeUndefined()
    for (const value of wrong) expect(check(value)).toEqual(expect.any(String))
  })

  it('list everything that is accepted', () => {
    expect(() => checkOptions('f()', { a: 1 }, { a: option.either(option.boolean, option.object) })).toThrow(
      "f(): option 'a' must be true or false, or an object, not 1",
    )
    expect(() => checkOptions('f()', { a: 1 }, {})).toThrow(
      "f(): there is no option 'a'; the options are none",
    )
  })

  it('never show a long value in full, and never call toString of a value', () => {
    const hostile = { toString: () => expect.unreachable() }
    for (const value of [
      hostile,
      'x'.repeat(10_000),
      Array(10_000).fill(1),
      () => 'x'.repeat(10_000),
      Symbol('s'),
    ]) {
      try {
        checkOptions('f()', { a: value }, { a: option.integer(1) })
      } catch (error) {
        expect((error as Error).message.length).toBeLessThan(200)
      }
    }
  })
})
