import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { defineContract } from '../../../core/contract/define-contract.ts'
import { indexOf } from '../../../core/contract/index-key.ts'
import type { Context } from '../../../core/handlers/context.ts'
import { ContractRules } from '../../../core/handlers/contract-rules.ts'
import { createGroup } from '../../../core/handlers/handler-group.ts'
import { Handlers } from '../../../core/handlers/handlers.ts'
import { MessageContext } from '../../../core/handlers/message-context.ts'
import type { AnyMiddleware, GroupOptions, Next } from '../../../core/handlers/middleware.ts'
import type { Session } from '../../../core/sessions/session.ts'
import { Work } from '../../../core/util/work.ts'
import { coded } from './handlers-support.ts'

const createSession = () => ({ signal: new AbortController().signal, user: null }) as unknown as Session

const create = (timeout = 10_000, contract?: object) => {
  const defined = contract && defineContract(contract)
  const settings = { strict: false, validateOutput: true }
  const handlers = new Handlers(timeout, new Work(), new ContractRules(defined, indexOf(defined), settings))
  const session = createSession()
  const send = async (topic: string, payload?: unknown, sender = session): Promise<unknown> =>
    await handlers.run(new MessageContext(sender, topic, payload, { publish: async () => {} }))
  const group = (options: GroupOptions<readonly AnyMiddleware[]>) => createGroup(handlers, options)
  return { handlers, send, group }
}

describe('middleware of a group', () => {
  it('runs after that of the app, outer groups first, and only for the handlers of the group', async () => {
    const { handlers, send, group } = create()
    const order: string[] = []
    const layer =
      (name: string): AnyMiddleware =>
      (_ctx, next) => {
        order.push(name)
        return next()
      }
    const outer = group({ use: [layer('outer'), layer('outer too')] })
    outer.group({ use: [layer('inner')] }).handle('in', () => 'in')
    outer.handle('out', () => 'out')
    handlers.add('alone', () => 'alone')
    handlers.use(undefined, layer('app'))
    expect(await send('in')).toBe('in')
    expect(order.splice(0)).toEqual(['app', 'outer', 'outer too', 'inner'])
    expect(await send('out')).toBe('out')
    expect(order.splice(0)).toEqual(['app', 'outer', 'outer too'])
    expect(await send('alone')).toBe('alone')
    expect(order).toEqual(['app'])
  })

  it('adds fields to the state of the message, which the next message does not have', async () => {
    const { handlers, send, group } = create()
    handlers.use(undefined, (_ctx, next) => next({ first: 1 }))
    const second = (ctx: Context<object, string, { first: number }>, next: Next) =>
      next({ second: ctx.state.first + 1 })
    const staff = group({
      use: [second, (_ctx, next) => next()],
    })
    staff.handle('a', (ctx: Context) => ctx.state)
    handlers.add('b', (ctx) => ctx.state)
    expect(await send('a')).toEqual({ first: 1, second: 2 })
    expect(await send('b')).toEqual({ first: 1 })
  })

  it('of one group does not change the state of a handler of another group of the same topic', async () => {
    const { handlers, send, group } = create()
    const seen: unknown[] = []
    handlers.use(undefined, (_ctx, next) => next({ app: true }))
    const withAccount = (account: string) => group({ use: [async (_ctx, next) => next({ account })] })
    for (const account of ['one', 'two']) {
      withAccount(account).handle('a/:x', { also: true }, async (ctx: Context) => {
        await Promise.resolve()
        seen.push({ ...ctx.state, params: ctx.params })
      })
    }
    await send('a/1')
    expect(seen).toEqual([
      { app: true, account: 'one', params: { x: '1' } },
      { app: true, account: 'two', params: { x: '1' } },
    ])
  })

  it.each([
    ['no options', undefined],
    ['an unknown option', { middleware: [] }],
    ['middleware that is no list', { use: () => {} }],
    ['middleware that is no function', { use: [5] }],
    ['a rate without a window', { rate: { limit: 5 } }],
    ['a rate of zero', { rate: { limit: 0, window: '1s' } }],
    ['a rate that is null', { rate: null }],
    ['a timeout that is no duration', { timeout: 'soon' }],
  ])('is refused with %s', (_what, options) => {
    expect(() => create().group(options as never)).toThrow(coded('invalid_option'))
  })
})

describe('the rate of a handler', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  it('is shared by the handlers of a group and of the groups in it, but for those with their own', async () => {
    const { send, group } = create()
    const limited = group({ rate: { limit: 2, window: '10s' } })
    limited.handle('a', () => 'a')
    limited.group({}).handle('b', () => 'b')
    limited.handle('own', { rate: { limit: 1, window: '10s' } }, () => 'own')
    expect(await send('a')).toBe('a')
    expect(await send('b')).toBe('b')
    for (const topic of ['a', 'b']) await expect(send(topic)).rejects.toEqual(coded('rate_limited'))
    expect(await send('own')).toBe('own')
    await expect(send('own')).rejects.toEqual(coded('rate_limited'))
  })

  it('counts each session for itself, and comes back with time', async () => {
    const { handlers, send } = create()
    handlers.add('a', { rate: { limit: 2, window: '10s' } }, () => 'a')
    for (let message = 0; message < 2; message++) await send('a')
    await expect(send('a')).rejects.toEqual(coded('rate_limited', { retryable: true }))
    expect(await send('a', undefined, createSession())).toBe('a')
    vi.advanceTimersByTime(4999)
    await expect(send('a')).rejects.toEqual(coded('rate_limited'))
    vi.advanceTimersByTime(2)
    expect(await send('a')).toBe('a')
  })

  it('refuses before middleware of the group and schemas run', async () => {
    const { send, group } = create()
    const middleware = vi.fn((_ctx, next) => next())
    group({ use: [middleware], rate: { limit: 1, window: '1s' } }).handle('a', z.string(), () => {})
    await send('a', 'text')
    await expect(send('a', 5)).rejects.toEqual(coded('rate_limited'))
    expect(middleware).toHaveBeenCalledOnce()
  })
})

describe('the time of a handler', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  const never = () => new Promise(() => {})
  /** Milliseconds until a message to a topic has timed out. */
  const timeOf = async (send: (topic: string) => Promise<unknown>, topic: string) => {
    const begun = Date.now()
    const late = send(topic).catch(({ code, message }) => [code, Date.now() - begun, message])
    await vi.advanceTimersByTimeAsync(10_000)
    return (await late) as [string, number, string]
  }

  it('is its own, that of its group, or that of the app', async () => {
    const { handlers, send, group } = create(3000)
    const slow = group({ timeout: '2s' })
    handlers.add('app', never)
    slow.handle('group', never)
    slow.group({}).handle('inner', never)
    slow.handle('own', { timeout: 1000 }, never)
    for (const [topic, time] of Object.entries({ app: 3000, group: 2000, inner: 2000, own: 1000 })) {
      const [code, took, message] = await timeOf(send, topic)
      expect([code, took]).toEqual(['handler_timeout', time])
      expect(message).toContain(`within ${time} ms`)
    }
  })

  it('is the longest of the handlers that share a topic, for as long as they do', async () => {
    const { handlers, send } = create(3000)
    handlers.add('a', never)
    const remove = handlers.add('a', { also: true, timeout: '5s' }, never)
    handlers.add('a', { also: true, timeout: '1s' }, never)
    expect((await timeOf(send, 'a'))[1]).toBe(5000)
    remove()
    expect((await timeOf(send, 'a'))[1]).toBe(3000)
  })
})

describe('the context of a handler', () => {
  it('has the segments of the topic by their names', async () => {
    const { handlers, send } = create()
    handlers.add('orders/:id/items/:item', (ctx) => ctx.params)
    handlers.add('plain', (ctx) => ctx.params)
    expect(await send('orders/7/items/x')).toEqual({ id: '7', item: 'x' })
    expect(await send('plain')).toEqual({})
  })

  it('has the names of the own pattern if several handlers share it', async () => {
    const { handlers, send } = create()
    const seen: unknown[] = []
    handlers.add('orders/:id', (ctx) => void seen.push(ctx.params))
    handlers.add('orders/:order', { also: true }, (ctx) => void seen.push(ctx.params))
    await send('orders/7')
    expect(seen).toEqual([{ id: '7' }, { order: '7' }])
  })

  it('has the signal of the message if several handlers share it', async () => {
    const { handlers } = create()
    const signals: AbortSignal[] = []
    for (let count = 0; count < 2; count++) {
      handlers.add('a', { also: true }, (ctx) => void signals.push(ctx.signal))
    }
    const ctx = new MessageContext(createSession(), 'a', undefined, { publish: async () => {} })
    await handlers.run(ctx)
    expect(signals).toEqual([ctx.signal, ctx.signal])
  })

  it('creates errors of the application', async () => {
    const { handlers, send } = create()
    handlers.add('a', (ctx) => {
      throw ctx.error('too_fast', { waitMs: 5 }, 'Slower')
    })
    await expect(send('a')).rejects.toEqual(coded('too_fast', { message: 'Slower', data: { waitMs: 5 } }))
  })
})

describe('a handler of a name', () => {
  it('handles one segment, beside one of a * for the rest and one of a topic', async () => {
    const { handlers, send } = create()
    for (const topic of ['a/:x', 'a/*', 'a/b']) handlers.add(topic, () => topic)
    expect(await Promise.all(['a/b', 'a/c', 'a/c/d', 'a/:'].map((topic) => send(topic)))).toEqual([
      'a/b',
      'a/:x',
      'a/*',
      'a/:x',
    ])
    expect(() => handlers.add('a/:y', () => {})).toThrow(coded('duplicate_handler'))
  })

  it('has middleware whose pattern has names, too', async () => {
    const { handlers, send } = create()
    handlers.use('admin/:id', () => 'refused')
    handlers.add('*', () => 'handled')
    expect(await send('admin/7')).toBe('refused')
    expect(await send('admin/7/x')).toBe('handled')
    expect(() => handlers.use('admin/:1', () => {})).toThrow(coded('invalid_pattern'))
  })
})

describe('the handler of a call of a contract', () => {
  const calls = {
    'a/:id': { input: z.object({ n: z.number().default(1) }), output: z.object({ id: z.string() }) },
    empty: {},
    slow: { input: z.number().refine(async (n) => n > 0), output: z.string().refine(async (t) => t !== '') },
  }

  it('gets the input as the schema returns it, also if it handles a wider pattern', async () => {
    const { handlers, send } = create(10_000, { calls })
    handlers.add('a/*', (ctx, payload) => ({ id: `${ctx.topic} ${JSON.stringify(payload)}` }))
    expect(await send('a/7', {})).toEqual({ id: 'a/7 {"n":1}' })
    await expect(send('a/7', { n: 'x' })).rejects.toEqual(coded('invalid_payload'))
    expect(await send('a/7/more', 'raw')).toEqual({ id: 'a/7/more "raw"' })
  })

  it('has no payload and no reply without an input and an output', async () => {
    const { handlers, send } = create(10_000, { calls })
    const handler = vi.fn((_ctx: unknown, _payload: unknown) => 'dropped')
    handlers.add('empty', handler)
    expect(await send('empty', 'ignored')).toBeUndefined()
    expect(handler.mock.calls[0]?.[1]).toBeUndefined()
  })

  it('may have asynchronous schemas', async () => {
    const { handlers, send } = create(10_000, { calls })
    handlers.add('slow', (_ctx, n) => (n === 1 ? 'fine' : ''))
    expect(await send('slow', 1)).toBe('fine')
    await expect(send('slow', 0)).rejects.toEqual(coded('invalid_payload'))
    await expect(send('slow', 2)).rejects.toEqual(coded('invalid_output'))
  })

  it('may share its topic with one that returns nothing', async () => {
    const { handlers, send } = create(10_000, { calls })
    const audit = vi.fn()
    handlers.add('a/:id', { also: true }, audit)
    handlers.add('a/:id', { also: true }, (ctx) => ({ id: ctx.params.id }))
    expect(await send('a/7', {})).toEqual({ id: '7' })
    expect(audit).toHaveBeenCalledOnce()
  })

  it('fails with invalid_output if its result does not fit, or is missing', async () => {
    const { handlers, send } = create(10_000, { calls })
    handlers.add('a/:id', async (ctx) => (ctx.params.id === '7' ? undefined : { id: 7 }))
    const where = { message: expect.stringContaining("The result of 'a/") }
    for (const topic of ['a/7', 'a/8']) {
      await expect(send(topic, {})).rejects.toEqual(coded('invalid_output', where))
    }
  })
})
