import { describe, expect, it, vi } from 'vitest'
import { createRandom } from '../../../plugins/testing/random.ts'
import { coded, createHandlers } from './handlers-support.ts'

/** Patterns that match `a/b/c`, from the most specific to the least specific. */
const BY_PRECEDENCE = ['a/b/c', 'a/b/*', 'a/*/c', 'a/*', '*/b/c', '*/b/*', '*/*/c', '*']

describe('the handler of a message', () => {
  it('is that of the most specific pattern, in whatever order the handlers were added', async () => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
    console.log(`SEED=${seed}`)
    const random = createRandom(seed, 'handler choice')
    for (let round = 0; round < 50; round++) {
      const { handlers, send } = createHandlers()
      const patterns = BY_PRECEDENCE.filter(() => random.below(2) === 0)
      const shuffled = patterns.map((pattern) => ({ pattern, at: random.below(1e6) }))
      shuffled.sort((one, other) => one.at - other.at)
      for (const { pattern } of shuffled) handlers.add(pattern, () => pattern)
      if (patterns.length > 0) expect(await send('a/b/c'), String(patterns)).toBe(patterns[0])
      else await expect(send('a/b/c')).rejects.toEqual(coded('unknown_topic'))
    }
  })

  it('is a fallback only where the more specific patterns do not match the whole topic', async () => {
    const { handlers, send } = createHandlers()
    for (const pattern of ['a/b/c', 'a/*/d', '*']) handlers.add(pattern, () => pattern)
    const chosen = await Promise.all(['a/b/c', 'a/b/d', 'a/b/e', 'a/b', 'a'].map((topic) => send(topic)))
    expect(chosen).toEqual(['a/b/c', 'a/*/d', '*', '*', '*'])
  })

  it('does not fail because of a catch-all that throws, and the catch-all does not run', async () => {
    const { handlers, send } = createHandlers()
    const all = vi.fn(() => {
      throw new Error('the catch-all')
    })
    handlers.add('*', all)
    handlers.add('pay', () => 'paid')
    expect(await send('pay')).toBe('paid')
    expect(all).not.toHaveBeenCalled()
  })

  it('is the fallback again after the specific handler was removed', async () => {
    const { handlers, send } = createHandlers()
    handlers.add('*', () => 'all')
    const remove = handlers.add('a', () => 'a')
    expect(await send('a')).toBe('a')
    remove()
    expect(await send('a')).toBe('all')
  })
})

describe('a second handler', () => {
  it.each(['pay', 'a/*', '*'])('of %s is refused, and the first one stays', async (topic) => {
    const { handlers, send } = createHandlers()
    handlers.add(topic, () => 'first')
    expect(() => handlers.add(topic, () => 'second')).toThrow(
      coded('duplicate_handler', { message: expect.stringContaining(`'${topic}'`) }),
    )
    expect(() => handlers.add(topic, { also: false }, () => 'second')).toThrow(coded('duplicate_handler'))
    expect(await send(topic.replace('*', 'b'))).toBe('first')
  })

  it('is accepted once the first one was removed', async () => {
    const { handlers, send } = createHandlers()
    handlers.add('pay', () => 'first')()
    handlers.add('pay', () => 'second')
    expect(await send('pay')).toBe('second')
  })

  it('runs beside the first one with { also: true }, and only for the same pattern', async () => {
    const { handlers, send } = createHandlers()
    const ran: string[] = []
    handlers.add('a/*', { also: true }, () => void ran.push('first'))
    handlers.add('a/*', { also: true }, () => void ran.push('second'))
    handlers.add('*', { also: true }, () => void ran.push('fallback'))
    await send('a/b')
    expect(ran).toEqual(['first', 'second'])
  })

  it.each([
    ['an unknown option', { alos: true }],
    ['a value of another type', { also: 1 }],
    ['options that are no object', 5],
  ])('is refused with %s', (_what, options) => {
    const { handlers } = createHandlers()
    expect(() => handlers.add('a', options as never, () => {})).toThrow(coded('invalid_option'))
  })
})
