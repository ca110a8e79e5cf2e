import { createApp, definePlugin } from 'rookery'
import { describe, expect, it, vi } from 'vitest'
import { createScope } from '../../../core/app/container.ts'
import { createToken } from '../../../core/util/token.ts'
import { coded } from '../handlers/handlers-support.ts'

const Mailer = createToken<{ send(): string }>('Mailer', "mail() from 'my-mail-plugin'")
const Clock = createToken<number>('Clock')

describe('a scope', () => {
  it('calls a factory once, at the first get', () => {
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

  it('tells whether a plugin requires a token', async () => {
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

  it('keeps falsy values, too', () => {
    const scope = createScope()
    for (const value of [undefined, null, 0, '', false]) {
      const token = createToken<unknown>('Value')
      const factory = vi.fn(() => value)
      scope.provide(token, factory)
      expect([scope.get(token), scope.get(token)]).toEqual([value, value])
      expect(factory).toHaveBeenCalledOnce()
    }
  })

  it('calls a factory again after it has failed', () => {
    const scope = createScope()
    let attempts = 0
    scope.provide(Clock, () => {
      if (attempts++ === 0) throw new Error('not yet')
      return attempts
    })
    expect(() => scope.get(Clock)).toThrow('not yet')
    expect(scope.get(Clock)).toBe(2)
  })

  it('distinguishes two tokens of the same name', () => {
    const scope = createScope()
    scope.provide(Clock, () => 1)
    expect(scope.has(createToken('Clock'))).toBe(false)
  })

  it('knows which plugin provides a token', () => {
    const scope = createScope()
    scope.for('mail').provide(Mailer, () => ({ send: () => '' }))
    scope.provide(Clock, () => 1)
    expect([scope.ownerOf(Mailer), scope.ownerOf(Clock), scope.ownerOf(createToken('X'))]).toEqual([
      'mail',
      'core',
      undefined,
    ])
  })

  it('shares nothing with other scopes, and is empty after dispose()', () => {
    const [one, other] = [createScope(), createScope()]
    one.provide(Clock, () => 1)
    expect(other.has(Clock)).toBe(false)
    other.provide(Clock, () => 2)
    expect([one.get(Clock), other.get(Clock)]).toEqual([1, 2])
    one.dispose()
    expect(one.has(Clock)).toBe(false)
    expect(() => one.get(Clock)).toThrow(coded('app_stopped', { message: expect.stringContaining('Clock') }))
    expect(() => one.provide(Clock, () => 3)).toThrow(coded('app_stopped'))
    expect(other.get(Clock)).toBe(2)
  })

  it('refuses a second provider of a token, and names both plugins', () => {
    const scope = createScope()
    scope.for('mail').provide(Mailer, () => ({ send: () => '' }))
    expect(() => scope.for('postal').provide(Mailer, () => ({ send: () => '' }))).toThrow(
      coded('duplicate_provider', { message: 'Both mail and postal provide Mailer; leave one of them out' }),
    )
  })

  it('names the plugin to add when no plugin provides a token', () => {
    const scope = createScope()
    expect(() => scope.get(Mailer)).toThrow(
      coded('missing_provider', {
        message: "No plugin provides Mailer; add mail() from 'my-mail-plugin' to the plugins",
      }),
    )
    expect(() => scope.get(Clock)).toThrow(coded('missing_provider', { message: 'No plugin provides Clock' }))
  })

  it('lists the providers of a cycle, and works afterwards', () => {
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
