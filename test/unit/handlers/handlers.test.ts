import { type } from 'arktype'
import * as v from 'valibot'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import type { Context } from '../../../core/handlers/context.ts'
import { RookeryError } from '../../../core/protocol/errors.ts'
import { coded, createHandlers, failureOf } from './handlers-support.ts'

const schemas = {
  zod: z.object({ text: z.string(), tags: z.array(z.object({ name: z.string() })) }),
  valibot: v.object({ text: v.string(), tags: v.array(v.object({ name: v.string() })) }),
  arktype: type({ text: 'string', tags: type({ name: 'string' }).array() }),
}

const also = { also: true }

afterEach(() => vi.useRealTimers())

describe.each(Object.entries(schemas))('a handler with a schema of %s', (_library, schema) => {
  it('gets a valid payload', async () => {
    const { handlers, send } = createHandlers()
    handlers.add('a', schema, (_ctx, payload) => ({ got: payload }))
    const payload = { text: 'hello', tags: [{ name: 'x' }] }
    expect(await send('a', payload)).toEqual({ got: payload })
  })

  it('is not called with an invalid payload, and the issues have their paths', async () => {
    const { handlers, send } = createHandlers()
    const handler = vi.fn()
    handlers.add('a', schema, handler)
    const failure = await failureOf(send('a', { text: 'hello', tags: [{ name: 'x' }, { name: 1 }] }))
    expect(failure).toEqual(coded('invalid_payload'))
    expect(failure.message).toContain('tags.1.name: ')
    expect(failure.issues).toMatchObject([{ path: ['tags', 1, 'name'], message: expect.any(String) }])
    expect(JSON.parse(JSON.stringify(failure.issues))).toEqual(failure.issues)
    expect(handler).not.toHaveBeenCalled()
  })

  it('is not called with a payload that is not an object', async () => {
    const { handlers, send } = createHandlers()
    handlers.add('a', schema, () => {})
    for (const wrong of [undefined, null, 'text', 42, []]) {
      await expect(send('a', wrong)).rejects.toEqual(coded('invalid_payload'))
    }
  })
})

describe('a schema', () => {
  it.each([
    ['zod', z.object({ n: z.string().transform(Number).default(7) })],
    ['valibot', v.object({ n: v.optional(v.pipe(v.string(), v.transform(Number)), '7') })],
    ['arktype', type({ n: ['string.numeric.parse', '=', '7'] })],
  ])('of %s passes its output to the handler: transforms and defaults', async (_library, schema) => {
    const { handlers, send } = createHandlers()
    handlers.add('a', schema, (_ctx, payload) => payload)
    expect(await send('a', { n: '42' })).toEqual({ n: 42 })
    expect(await send('a', {})).toEqual({ n: 7 })
  })

  it('may be asynchronous', async () => {
    const { handlers, send } = createHandlers()
    const free = z.string().refine(async (name) => name !== 'taken', 'is taken')
    handlers.add('a', free, () => 'ok')
    expect(await send('a', 'free')).toBe('ok')
    await expect(send('a', 'taken')).rejects.toEqual(
      coded('invalid_payload', { message: 'The payload is not valid: is taken' }),
    )
  })

  it('does not change ctx.payload', async () => {
    const { handlers, send } = createHandlers()
    handlers.add('a', z.string().transform(Number), (ctx, payload) => [ctx.payload, payload])
    expect(await send('a', '1')).toEqual(['1', 1])
  })

  it('may have symbols and objects in the paths of its issues, or no issue', async () => {
    const { handlers, send } = createHandlers()
    const failing = (issues: unknown[]) =>
      ({ '~standard': { version: 1, vendor: 'x', validate: () => ({ issues }) } }) as never
    const remove = handlers.add(
      'a',
      failing([{ message: 'no', path: [{ key: Symbol('s') }, 'b', 3] }]),
      () => {},
    )
    await expect(send('a')).rejects.toMatchObject({
      issues: [{ message: 'no', path: ['Symbol(s)', 'b', 3] }],
    })
    remove()
    handlers.add('a', failing([]), () => {})
    await expect(send('a')).rejects.toMatchObject({
      code: 'invalid_payload',
      message: 'The payload is not valid',
    })
  })
})

describe('handlers', () => {
  it('reply with the value that they return or resolve, or with undefined', async () => {
    const { handlers, send } = createHandlers()
    handlers.add('sync', () => 1)
    handlers.add('async', async () => 2)
    handlers.add('null', () => null)
    handlers.add('nothing', () => {})
    expect(await Promise.all(['sync', 'async', 'null', 'nothing'].map((topic) => send(topic)))).toEqual([
      1,
      2,
      null,
      undefined,
    ])
  })

  it('of one topic run concurrently, and the reply is of the first one added that returns a value', async () => {
    const { handlers, send } = createHandlers()
    const order: string[] = []
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    handlers.add('a', () => void order.push('silent'))
    handlers.add('a', also, async () => {
      order.push('slow')
      await gate
      return 'slow'
    })
    handlers.add('a', also, () => {
      order.push('fast')
      release()
      return 'fast'
    })
    expect(await send('a')).toBe('slow')
    expect(order).toEqual(['silent', 'slow', 'fast'])
  })

  it('all run even if one fails, and the caller gets its error', async () => {
    const { handlers, send } = createHandlers()
    const other = vi.fn(async () => 'fine')
    handlers.add('a', () => {
      throw new RookeryError('sold_out')
    })
    handlers.add('a', also, other)
    await expect(send('a')).rejects.toEqual(coded('sold_out'))
    expect(other).toHaveBeenCalledOnce()
  })

  it('that fail together reject with their errors in the order they were added', async () => {
    const { handlers, send } = createHandlers()
    handlers.add('a', z.string(), () => {})
    const second = async () => {
      throw new RookeryError('second')
    }
    const third = () => {
      throw new Error('third')
    }
    for (const handler of [second, third]) handlers.add('a', also, handler)
    const failure = await failureOf(send('a', 42))
    expect(failure).toBeInstanceOf(AggregateError)
    expect(failure.message).toBe("3 handlers of 'a' failed")
    expect(failure.errors).toMatchObject([
      { code: 'invalid_payload' },
      { code: 'second' },
      { message: 'third' },
    ])
  })

  it('may have a pattern as their topic', async () => {
    const { handlers, send } = createHandlers()
    handlers.add('rooms/*/say', (ctx) => ctx.topic)
    expect(await send('rooms/42/say')).toBe('rooms/42/say')
    await expect(send('rooms/42/shout')).rejects.toEqual(
      coded('unknown_topic', { message: "No handler is registered for 'rooms/42/shout'" }),
    )
  })

  it('are not called after their removal, which is idempotent', async () => {
    const { handlers, send } = createHandlers()
    const [removed, kept] = [vi.fn(), vi.fn()]
    const remove = handlers.add('a', removed)
    handlers.add('a', also, kept)
    remove()
    remove()
    await send('a')
    expect(removed).not.toHaveBeenCalled()
    expect(kept).toHaveBeenCalledOnce()
  })

  it('may be the same function twice, and are removed one by one', async () => {
    const { handlers, send } = createHandlers()
    const handler = vi.fn()
    handlers.add('a', handler)
    handlers.add('a', also, handler)()
    await send('a')
    expect(handler).toHaveBeenCalledOnce()
  })

  it.each(['$user/alice', 'a/$b', '$x/*'])('cannot have the reserved topic %s', (topic) => {
    expect(() => createHandlers().handlers.add(topic, () => {})).toThrow(coded('reserved_topic'))
  })

  it.each([
    ['a bad topic', ['a//b', undefined, () => {}], 'invalid_pattern', /a\/\/b/],
    ['no handler', ['a', undefined, undefined], 'invalid_option', /handle\('a'\): the last argument must be/],
    ['a zod schema as the handler', ['a', undefined, z.string()], 'invalid_option', /last argument/],
    ['an arktype schema as the handler', ['a', undefined, type('string')], 'invalid_option', /last argument/],
    ['schema and handler swapped', ['a', () => {}, z.string()], 'invalid_option', /last argument/],
    [
      'an object that is not a schema',
      ['a', { type: 'string' }, () => {}],
      'invalid_option',
      /Standard Schema/,
    ],
    ['null as the schema', ['a', null, () => {}], 'invalid_option', /Standard Schema/],
    ['options after the handler', ['a', z.string(), () => {}, {}], 'invalid_option', /options come before/],
  ])('are refused with %s', (_what, args, code, message) => {
    const { handlers } = createHandlers()
    expect(() => handlers.add(...(args as Parameters<typeof handlers.add>))).toThrow(
      coded(code, { message: expect.stringMatching(message) }),
    )
  })
})

describe('the time limit of a handler', () => {
  it('rejects with a coded error, aborts ctx.signal, and ignores a later rejection', async () => {
    vi.useFakeTimers()
    const { handlers, send, work } = createHandlers(1000)
    let seen: Context | undefined
    let fail = (_error: Error) => {}
    handlers.add('slow', (ctx) => {
      seen = ctx
      return new Promise((_resolve, reject) => {
        fail = reject
      })
    })
    const outcome = send('slow').catch((error) => error)
    await vi.advanceTimersByTimeAsync(999)
    expect(seen?.signal.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(await outcome).toEqual(
      coded('handler_timeout', { message: "'slow' was not handled within 1000 ms" }),
    )
    expect(seen?.signal.reason).toEqual(coded('handler_timeout'))
    // A stop waits for the handler all the same.
    expect(work.counts).toEqual({ handlers: 1 })
    fail(new Error('later'))
    await vi.advanceTimersByTimeAsync(0)
    expect(work.counts).toEqual({})
    expect(vi.getTimerCount()).toBe(0)
  })

  it('includes middleware and validation', async () => {
    vi.useFakeTimers()
    const { handlers, send } = createHandlers(1000)
    handlers.add(
      'schema',
      z.string().refine(() => new Promise<boolean>(() => {})),
      () => {},
    )
    handlers.add('middleware', () => {})
    handlers.use('middleware', () => new Promise(() => {}))
    const outcomes = ['schema', 'middleware'].map((topic) => send(topic, 'x').catch((error) => error))
    await vi.advanceTimersByTimeAsync(1000)
    expect(await Promise.all(outcomes)).toEqual([coded('handler_timeout'), coded('handler_timeout')])
  })
})
