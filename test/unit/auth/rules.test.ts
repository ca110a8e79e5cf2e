import type { Session } from 'rookery'
import { auth } from 'rookery/auth'
import { describe, expect, it } from 'vitest'
import { parsePattern } from '../../../plugins/auth/parsed-pattern.ts'
import { readPermissions } from '../../../plugins/auth/permissions.ts'
import { RuleSet } from '../../../plugins/auth/rule-set.ts'
import type { Rules } from '../../../plugins/auth/rules.ts'

const ada = { id: 'ada', name: 'Ada' }
const session = {} as Session

const compile = (rules: Rules) => {
  const ruleSet = new RuleSet(rules)
  return (topic: string, user: typeof ada | null = ada) =>
    ruleSet.allows('subscribe', parsePattern(topic), { session, user, claims: undefined })
}

describe('rules', () => {
  it('allow everything while there are none, and nothing that none allows once there is one', () => {
    expect(compile({})('any/thing')).toBe(true)
    expect(compile({ send: {} })('any/thing')).toBe(true)
    const asked = compile({ subscribe: { 'rooms/*': true } })
    expect(asked('rooms/1/x')).toBe(true)
    expect(asked('users/1')).toBe(false)
    expect(asked('*')).toBe(false)
  })

  it('know their parameters, and allow a wildcard only where it leaves none of them open', () => {
    const asked = compile({ subscribe: { 'users/:id/*': ({ user, params }) => params.id === user.id } })
    expect(asked('users/ada/inbox')).toBe(true)
    expect(asked('users/ada/*')).toBe(true)
    expect(asked('users/ada/*/x')).toBe(true)
    for (const topic of ['users/bob/inbox', 'users/bob/*', 'users/*', 'users/*/inbox', '*', '*/ada/inbox']) {
      expect(asked(topic), topic).toBe(false)
    }
  })

  it('without a function leave a parameter open', () => {
    const asked = compile({ subscribe: { 'users/:id': true } })
    expect(asked('users/ada')).toBe(true)
    expect(asked('users/ada/inbox')).toBe(false)
    expect(asked('users/*')).toBe(false)
    const deep = compile({ subscribe: { 'users/:id/inbox': true } })
    expect(deep('users/*/inbox')).toBe(true)
  })

  it('add up: one that allows is enough', () => {
    const asked = compile({ subscribe: { 'a/*': () => false, 'a/b': true } })
    expect(asked('a/b')).toBe(true)
    expect(asked('a/c')).toBe(false)
    expect(asked('a/*')).toBe(false)
  })

  it('that are functions allow nothing to a session without a user', () => {
    const asked = compile({ subscribe: { 'mine/*': () => true, 'public/*': true } })
    expect(asked('mine/x', null)).toBe(false)
    expect(asked('public/x', null)).toBe(true)
  })

  it('allow only with true', () => {
    const asked = compile({ subscribe: { 'a/:b': (() => 'yes') as unknown as () => boolean } })
    expect(asked('a/b')).toBe(false)
    const promising = compile({ subscribe: { 'a/:b': (async () => true) as unknown as () => boolean } })
    expect(() => promising('a/b')).toThrow(/not a promise/)
  })

  it('do not take a parameter for a property of every object', () => {
    const asked = compile({
      subscribe: { ':__proto__/:toString': ({ params }) => String(params.toString) === 'x' },
    })
    expect(asked('polluted/x')).toBe(true)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it.each([
    [{ subscribe: { 'a//b': true } }, /empty segment/],
    [{ subscribe: { ':id/:id': true } }, /two parameters of the same name/],
    [{ subscribe: { ':': true } }, /not a valid parameter/],
    [{ subscribe: { '$user/:id': true } }, /reserved/],
    [{ subscribe: { a: false } }, /true or a function/],
    [{ publish: {} }, /no action 'publish'/],
    [{ subscribe: [] }, /an object of topics/],
  ])('%j are refused at the start', (rules, message) => {
    expect(() => new RuleSet(rules as unknown as Rules)).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringMatching(message) }),
    )
  })

  it('have types for their parameters', () => {
    auth({
      authenticate: () => null,
      rules: {
        subscribe: { 'users/:id/*': ({ user, params }) => params.id === user.id, 'rooms/*': true },
        // @ts-expect-error: the topic has no such parameter
        join: { ':room': ({ params }) => params.id === 'x' },
      },
    })
  })
})

describe('the claim', () => {
  it('lists patterns by action; what it does not name is not allowed', () => {
    expect(readPermissions({ subscribe: ['a/*'], other: 1 })).toEqual({
      subscribe: [parsePattern('a/*')],
      send: [],
      join: [],
    })
  })

  it.each([null, 'a', [], { send: 'a' }, { send: [1] }, { send: ['a//b'] }, { join: [], send: {} }])(
    '%j is wrong',
    (claim) => expect(readPermissions(claim)).toBeUndefined(),
  )
})
