import { createApp, definePlugin } from 'rookery'
import { describe, expect, it, vi } from 'vitest'
import { createScope } from '../../../core/app/container.ts'
import { createToken } from '../../../core/util/token.ts'
import { coded } from '../handlers/handlers-support.ts'

const Mailer = createToken<{ send(): string }>('Mailer', "mail() from 'my-mail-plugin'")
const Clock = createToken<number>('Clock')

describe('a scope', () => {
  it('makes what is provided at the first get, once', () => {
    const scope = createScope()
    const factory = vi.fn(() => ({ send: () => 'sent' }))
    scope.for('mail').provide(Mailer, factory)
    expect(scope.has(Mailer)).toBe(true)
    expect(factory).not.toHaveBeenCalled()
    const mailer = scope.get(Mailer)
    expect(mailer.send()).toBe('sent')
    expect(scope.for('other').get(Mailer)).toBe(mailer)
    expect(factory).toHaveBeenCalledOnce()
  })

  it('knows what plugins require', async () => {
    const seen: { mailer?: boolean; clock?: boolean } = {}
    const mail = definePlugin({
      name: 'mail',
      setup: (scope) => {
        scope.provide(Mailer, () => ({ send: () => 'sent' }))
        scope.provide(Clock, () => 0)
      },
      start: (scope) => {
        seen.mailer = scope.isRequired(Mailer)
        seen.clock = scope.isRequired(Clock)
      },
    })
    const app = createApp({ plugins: [mail, { name: 'user', requires: [Mailer] }], logger: 'silent' })
    await app.start()
    await app.stop()
    expect(seen).toEqual({ mailer: true, clock: false })
  })

  it('keeps values that look like nothing', () => {
    const scope = createScope()
    for (const value of [undefined, null, 0, '', false]) {
      const token = createToken<unknown>('Value')
      const factory = vi.fn(() => value)
      scope.provide(token, factory)
      expect([scope.get(token), scope.get(token)]).toEqual([value, value])
      expect(factory).toHaveBeenCalledOnce()
    }
  })

  it('asks a factory that failed again', () => {
    const scope = createScope()
    let attempts = 0
    scope.provide(Clock, () => {
      if (attempts++ === 0) throw new Error('not yet')
      return attempts
    })
    expect(() => scope.get(Clock)).toThrow('not yet')
    expect(scope.get(Clock)).toBe(2)
  })

  it('tells tokens apart even when their names are alike', () => {
    const scope = createScope()
    scope.provide(Clock, () => 1)
    expect(scope.has(createToken('Clock'))).toBe(false)
  })

  it('knows who provides what', () => {
    const scope = createScope()
    scope.for('mail').provide(Mailer, () => ({ send: () => '' }))
    scope.provide(Clock, () => 1)
    expect([scope.ownerOf(Mailer), scope.ownerOf(Clock), scope.ownerOf(createToken('X'))]).toEqual([
      'mail',
      'core',
      undefined,
    ])
  })

  it('shares nothing with other scopes, and forgets everything when disposed', () => {
    const [one, other] = [createScope(), createScope()]
    one.provide(Clock, () => 1)
    expect(other.has(Clock)).toBe(false)
    other.provide(Clock, () => 2)
    expect([one.get(Clock), other.get(Clock)]).toEqual([1, 2])
    one.dispose()
    expect(one.has(Clock)).toBe(false)
    expect(() => one.get(Clock)).toThrow(coded('missing_provider'))
    expect(other.get(Clock)).toBe(2)
  })

  it('refuses two providers of one token, and names both', () => {
    const scope = createScope()
    scope.for('mail').provide(Mailer, () => ({ send: () => '' }))
    expect(() => scope.for('postal').provide(Mailer, () => ({ send: () => '' }))).toThrow(
      coded('duplicate_provider', { message: 'Both mail and postal provide Mailer; leave one of them out' }),
    )
  })

  it('says what to add when nobody provides a token', () => {
    const scope = createScope()
    expect(() => scope.get(Mailer)).toThrow(
      coded('missing_provider', {
        message: "Nothing provides Mailer; add mail() from 'my-mail-plugin' to the plugins",
      }),
    )
    expect(() => scope.get(Clock)).toThrow(coded('missing_provider', { message: 'Nothing provides Clock' }))
  })

  it('names the way round when providers need each other, and goes on working', () => {
    const scope = createScope()
    const [A, B, C] = [createToken<number>('A'), createToken<number>('B'), createToken<number>('C')]
    scope.provide(A, () => scope.get(B))
    scope.provide(B, () => scope.get(C))
    scope.provide(C, () => scope.get(B))
    scope.provide(Clock, () => 1)
    expect(() => scope.get(A)).toThrow(
      coded('dependency_cycle', { message: 'Providers need each other: B -> C -> B' }),
    )
    expect(scope.get(Clock)).toBe(1)
    expect(() => scope.get(C)).toThrow(
      coded('dependency_cycle', { message: expect.stringContaining('C -> B -> C') }),
    )
  })
})
