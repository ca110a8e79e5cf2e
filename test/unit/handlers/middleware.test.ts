import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { RookeryError } from '../../../core/protocol/errors.ts'
import { coded, createHandlers } from './handlers-support.ts'

describe('middleware', () => {
  it('wraps the handlers in the order added', async () => {
    const { handlers, send } = createHandlers()
    const order: string[] = []
    const layer = (name: string) =>
      handlers.use(undefined, async (_ctx, next) => {
        order.push(`${name} in`)
        const reply = await next()
        order.push(`${name} out`)
        return reply
      })
    layer('first')
    handlers.add('a', () => {
      order.push('handler')
      return 'reply'
    })
    layer('second')
    expect(await send('a')).toBe('reply')
    expect(order).toEqual(['first in', 'second in', 'handler', 'second out', 'first out'])
  })

  it('wraps only topics of its pattern', async () => {
    const { handlers, send } = createHandlers()
    const [admin, all] = [vi.fn((_ctx, next) => next()), vi.fn((_ctx, next) => next())]
    handlers.use('admin/*', admin)
    handlers.use(undefined, all)
    for (const topic of ['admin', 'admin/kick', 'chat']) handlers.add(topic, () => {})
    for (const topic of ['admin', 'admin/kick', 'chat']) await send(topic)
    expect(admin.mock.calls.map(([{ topic }]) => topic)).toEqual(['admin/kick'])
    expect(all).toHaveBeenCalledTimes(3)
  })

  it('may reply itself, and then later middleware and handlers do not run', async () => {
    const { handlers, send } = createHandlers()
    const [handler, later] = [vi.fn(), vi.fn()]
    handlers.add('a', z.string(), handler)
    handlers.use(undefined, () => 'cached')
    handlers.use(undefined, later)
    expect(await send('a', 42)).toBe('cached')
    expect(handler).not.toHaveBeenCalled()
    expect(later).not.toHaveBeenCalled()
  })

  it('may refuse a message before its payload is validated', async () => {
    const { handlers, send } = createHandlers()
    handlers.add('a', z.string(), () => {})
    handlers.use(undefined, () => {
      throw new RookeryError('forbidden')
    })
    await expect(send('a', 42)).rejects.toEqual(coded('forbidden'))
  })

  it('may change the reply, or reply instead of an error', async () => {
    const { handlers, send } = createHandlers()
    handlers.add('a', z.number(), (_ctx, number) => number)
    handlers.use('a', async (_ctx, next) => ({ reply: await next().catch((error) => error.code) }))
    expect(await send('a', 1)).toEqual({ reply: 1 })
    expect(await send('a', 'x')).toEqual({ reply: 'invalid_payload' })
  })

  it('gets the same context as the handler', async () => {
    const { handlers, send } = createHandlers()
    const seen: unknown[] = []
    handlers.use(undefined, (ctx, next) => {
      seen.push(ctx)
      return next()
    })
    handlers.add('a', (ctx) => void seen.push(ctx))
    await send('a')
    expect(seen[0]).toBe(seen[1])
  })

  it('runs for a topic without a handler, too, and gets its error', async () => {
    const { handlers, send } = createHandlers()
    const seen: unknown[] = []
    handlers.use(undefined, (_ctx, next) =>
      next().catch((error) => {
        seen.push(error)
        throw error
      }),
    )
    await expect(send('a')).rejects.toEqual(coded('unknown_topic'))
    expect(seen).toEqual([coded('unknown_topic')])
  })

  it('is refused for topics that clients cannot send to', () => {
    const { handlers } = createHandlers()
    expect(() => handlers.use('$user/*', () => {})).toThrow(coded('reserved_topic'))
  })

  it.each([
    ['awaited', async (_ctx: unknown, next: () => Promise<unknown>) => [await next(), await next()]],
    [
      'not awaited',
      (_ctx: unknown, next: () => Promise<unknown>) => {
        void next()
        return next()
      },
    ],
  ])('cannot call next twice, %s, and the handlers run once', async (_how, middleware) => {
    const { handlers, send } = createHandlers()
    const handler = vi.fn()
    handlers.add('a', handler)
    handlers.use(undefined, middleware)
    await expect(send('a')).rejects.toThrow('next() was called twice')
    expect(handler).toHaveBeenCalledOnce()
  })

  it('is not called after its removal, which is idempotent', async () => {
    const { handlers, send } = createHandlers()
    const [removed, kept] = [vi.fn((_ctx, next) => next()), vi.fn((_ctx, next) => next())]
    handlers.add('a', () => {})
    const remove = handlers.use(undefined, removed)
    handlers.use(undefined, kept)
    remove()
    remove()
    await send('a')
    expect(removed).not.toHaveBeenCalled()
    expect(kept).toHaveBeenCalledOnce()
  })

  it.each([
    ['a bad pattern', ['a*', () => {}], 'invalid_pattern'],
    ['no function', ['a', undefined], 'invalid_option'],
    ['a string instead of a function', [undefined, 'a'], 'invalid_option'],
  ])('is refused with %s', (_what, args, code) => {
    const { handlers } = createHandlers()
    expect(() => handlers.use(...(args as Parameters<typeof handlers.use>))).toThrow(coded(code))
  })

  describe('that does not await next()', () => {
    const unhandled = vi.fn()
    beforeEach(() => void process.on('unhandledRejection', unhandled))
    afterEach(() => void process.off('unhandledRejection', unhandled))

    it('causes no unhandled rejection', async () => {
      const { handlers, send } = createHandlers()
      handlers.add('a', z.string(), () => {})
      handlers.use(undefined, (_ctx, next) => {
        void next()
        return 'early'
      })
      expect(await send('a', 42)).toBe('early')
      await new Promise(setImmediate)
      await new Promise(setImmediate)
      expect(unhandled).not.toHaveBeenCalled()
    })
  })
})
