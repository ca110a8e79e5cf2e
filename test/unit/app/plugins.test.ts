import { createApp, createToken, definePlugin, type Plugin, type Token } from 'rookery'
import { describe, expect, it, vi } from 'vitest'
import { coded, failureOf } from '../handlers/handlers-support.ts'

const A = createToken<string>('A', "a() from 'somewhere'")
const B = createToken<string>('B')
const C = createToken<string>('C')

const compose = (...plugins: readonly Plugin[]) => createApp({ logger: 'silent', plugins })

/** A plugin that provides a token and logs each call. */
const part = (name: string, log: string[], provides?: Token<string>, requires?: readonly Token<string>[]) =>
  definePlugin({
    name,
    ...(requires && { requires }),
    setup: (scope) => {
      log.push(`setup ${name}`)
      if (provides) scope.provide(provides, () => name)
    },
    start: () => void log.push(`start ${name}`),
    listen: () => void log.push(`listen ${name}`),
    stop: () => void log.push(`stop ${name}`),
  })

/** Every order of a list. */
const permutations = <T>(list: readonly T[]): T[][] =>
  list.length < 2
    ? [[...list]]
    : list.flatMap((first, index) => permutations(list.toSpliced(index, 1)).map((rest) => [first, ...rest]))

describe('plugins', () => {
  it('are set up in the order listed, when the app is created', () => {
    const log: string[] = []
    compose(part('b', log), part('a', log))
    expect(log).toEqual(['setup b', 'setup a'])
  })

  it('start after the providers of the tokens they require, in whatever order they are listed', async () => {
    for (const order of permutations(['a', 'b', 'c', 'd'])) {
      const log: string[] = []
      const parts: Record<string, Plugin> = {
        a: part('a', log, A),
        b: part('b', log, B, [A]),
        c: part('c', log, C, [A, B]),
        d: part('d', log, undefined, [C]),
      }
      const app = compose(...order.map((name) => parts[name] as Plugin))
      await app.start()
      await app.stop()
      expect(log.slice(4)).toEqual([
        ...['a', 'b', 'c', 'd'].map((name) => `start ${name}`),
        ...['a', 'b', 'c', 'd'].map((name) => `listen ${name}`),
        ...['d', 'c', 'b', 'a'].map((name) => `stop ${name}`),
      ])
    }
  })

  it('that do not require each other start in the order listed', async () => {
    const log: string[] = []
    const app = compose(part('z', log), part('a', log), part('m', log))
    await app.start()
    expect(log.filter((line) => line.startsWith('start'))).toEqual(['start z', 'start a', 'start m'])
    await app.stop()
  })

  it('may require tokens that they provide themselves or that the core provides', async () => {
    const { AppToken, Logger } = await import('rookery')
    const app = compose(
      definePlugin({
        name: 'self',
        requires: [A, AppToken, Logger],
        setup: (scope) => scope.provide(A, () => 'own'),
      }),
    )
    await app.start()
    expect(app.scope.get(A)).toBe('own')
    await app.stop()
  })

  it('can get tokens of other plugins at start, whose factories run at the first get', async () => {
    const made = vi.fn(() => 'made')
    const got: string[] = []
    const app = compose(
      definePlugin({ name: 'user', requires: [A], start: (scope) => void got.push(scope.get(A)) }),
      definePlugin({ name: 'provider', setup: (scope) => scope.provide(A, made) }),
    )
    expect(made).not.toHaveBeenCalled()
    await app.start()
    expect(got).toEqual(['made'])
    expect(app.scope.get(A)).toBe('made')
    expect(made).toHaveBeenCalledOnce()
    await app.stop()
  })

  it('are returned unchanged by definePlugin', () => {
    const plugin = { name: 'x' }
    expect(definePlugin(plugin)).toBe(plugin)
  })
})

describe('createApp throws for', () => {
  it('two plugins of the same name', () => {
    expect(() => compose({ name: 'rooms' }, { name: 'rooms' })).toThrow(
      coded('duplicate_plugin', { message: "Two plugins are called 'rooms'; leave one out or rename it" }),
    )
  })

  it('two providers of the same token, and names both', () => {
    expect(() => compose(part('one', [], A), part('other', [], A))).toThrow(
      coded('duplicate_provider', { message: expect.stringMatching(/one.*other.*provide A/) }),
    )
  })

  it('a requirement without a provider, and names the plugin and the fix', () => {
    expect(() => compose({ name: 'needy', requires: [A] })).toThrow(
      coded('missing_requirement', {
        message:
          "Plugin 'needy' requires A, which no plugin provides; add a() from 'somewhere' to the plugins",
      }),
    )
    expect(() => compose({ name: 'needy', requires: [B] })).toThrow(
      coded('missing_requirement', { message: "Plugin 'needy' requires B, which no plugin provides" }),
    )
  })

  it('plugins that require each other, and lists the cycle', () => {
    const D = createToken<string>('D')
    const fine = part('fine', [], D)
    const [a, b, c] = [part('a', [], A, [C]), part('b', [], B, [D, A]), part('c', [], C, [B])]
    expect(() => compose({ name: 'outside', requires: [A] }, a, b, c, fine)).toThrow(
      coded('dependency_cycle', { message: 'Plugins require each other: a -> c -> b -> a' }),
    )
  })

  it('a setup that throws, and gives the plugin and the cause', () => {
    const cause = new Error('no disk')
    const broken = definePlugin({
      name: 'broken',
      setup: () => {
        throw cause
      },
    })
    expect(() => compose(broken)).toThrow(
      coded('plugin_failed', { message: "Plugin 'broken' failed at setup: no disk", cause }),
    )
  })

  it('a setup that gets a token of a later plugin, and gives advice', () => {
    const hasty = definePlugin({ name: 'hasty', requires: [A], setup: (scope) => void scope.get(A) })
    expect(() => compose(hasty, part('a', [], A))).toThrow(
      coded('missing_provider', {
        message: expect.stringMatching(
          /^Plugin 'hasty' failed at setup: No plugin provides A.* get it in start/,
        ),
      }),
    )
    expect(() => compose(part('a', [], A), hasty)).not.toThrow()
  })
})

describe('createApp names an invalid plugin', () => {
  it('whose setup is asynchronous, whether the promise resolves or rejects', () => {
    for (const setup of [async () => {}, () => Promise.reject(new Error('later'))]) {
      expect(() => compose({ name: 'late', setup })).toThrow(
        coded('plugin_failed', { message: expect.stringMatching(/'late'.*setup must be synchronous/) }),
      )
    }
  })

  it('that requires or provides a value that is not a token', () => {
    const none = undefined as unknown as Token<string>
    expect(() => compose({ name: 'x', requires: [none] })).toThrow(
      coded('invalid_option', {
        message: expect.stringMatching(/'x' failed at requires: undefined is not a token/),
      }),
    )
    expect(() => compose({ name: 'x', setup: (scope) => scope.provide(none, () => 'a') })).toThrow(
      coded('invalid_option', {
        message: expect.stringMatching(/'x' failed at setup: undefined is not a token/),
      }),
    )
  })
})

describe('an error of a provider after createApp', () => {
  it('names the plugin that requested the token', async () => {
    const app = compose(definePlugin({ name: 'asks', start: (scope) => void scope.get(B) }))
    expect(await failureOf(app.start())).toEqual(
      coded('missing_provider', { message: "Plugin 'asks' failed at start: No plugin provides B" }),
    )
  })

  it('lists the cycle if providers need each other', async () => {
    const app = compose(
      definePlugin({ name: 'a', setup: (scope) => scope.provide(A, () => scope.get(B)) }),
      definePlugin({ name: 'b', setup: (scope) => scope.provide(B, () => scope.get(A)) }),
    )
    expect(() => app.scope.get(A)).toThrow(
      coded('dependency_cycle', { message: 'Providers need each other: A -> B -> A' }),
    )
    await app.stop()
  })
})
