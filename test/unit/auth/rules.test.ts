import { type Session, topic } from 'rookery'
import { auth } from 'rookery/auth'
import { describe, expect, it } from 'vitest'
import { parsePattern } from '../../../plugins/auth/parsed-pattern.ts'
import { readPermissions } from '../../../plugins/auth/permissions.ts'
import { RuleSet } from '../../../plugins/auth/rule-set.ts'
import type { Rules } from '../../../plugins/auth/rules.ts'

const ada = { id: 'ada', name: 'Ada' }
const session = {} as Session

const subscribeRules = (rules: Rules) => {
  const ruleSet = new RuleSet(rules)
  return (topic: string, user: typeof ada | null = ada) =>
    ruleSet.allows('subscribe', parsePattern(topic), { session, user, claims: undefined })
}

describe('rules', () => {
  it('allow everything for an action without rules, otherwise only what a rule allows', () => {
    expect(subscribeRules({})('any/thing')).toBe(true)
    expect(subscribeRules({ send: {} })('any/thing')).toBe(true)
    const allows = subscribeRules({ subscribe: { 'rooms/*': true } })
    expect(allows('rooms/1/x')).toBe(true)
    expect(allows('users/1')).toBe(false)
    expect(allows('*')).toBe(false)
  })

  it('get their parameters, and allow a wildcard only if it stands for no parameter', () => {
    const allows = subscribeRules({
      subscribe: { 'users/:id/*': ({ user, params }) => params.id === user.id },
    })
    expect(allows('users/ada/inbox')).toBe(true)
    expect(allows('users/ada/*')).toBe(true)
    expect(allows('users/ada/*/x')).toBe(true)
    for (const topic of ['users/bob/inbox', 'users/bob/*', 'users/*', 'users/*/inbox', '*', '*/ada/inbox']) {
      expect(allows(topic), topic).toBe(false)
    }
  })

  it('get the text of a segment that segment() made, and never take an encoded * for a wildcard', () => {
    const seen: string[] = []
    const allows = subscribeRules({
      subscribe: {
        'users/:id/*': ({ user, params }) => seen.push(String(params.id)) > 0 && params.id === user.id,
      },
    })
    const google = { id: 'google/1 *', name: 'G' }
    expect(allows(topic`users/${google.id}/inbox`, google)).toBe(true)
    expect(allows(topic`users/${'*'}/inbox`, { id: '*', name: 'Star' })).toBe(true)
    expect(allows('users/*/inbox', { id: '*', name: 'Star' })).toBe(false)
    // These were not made by segment(), so they stand for themselves.
    for (const raw of ['a%2fb', '100%', '%zz', 'a%41']) expect(allows(`users/${raw}/inbox`)).toBe(false)
    expect(seen).toEqual(['google/1 *', '*', 'a%2fb', '100%', '%zz', 'a%41'])
  })

  it('without a function allow any value of a parameter', () => {
    const allows = subscribeRules({ subscribe: { 'users/:id': true } })
    expect(allows('users/ada')).toBe(true)
    expect(allows('users/ada/inbox')).toBe(false)
    expect(allows('users/*')).toBe(false)
    const allowsInbox = subscribeRules({ subscribe: { 'users/:id/inbox': true } })
    expect(allowsInbox('users/*/inbox')).toBe(true)
  })

  it('allow an action if one of them allows it', () => {
    const allows = subscribeRules({ subscribe: { 'a/*': () => false, 'a/b': true } })
    expect(allows('a/b')).toBe(true)
    expect(allows('a/c')).toBe(false)
    expect(allows('a/*')).toBe(false)
  })

  it('with a function refuse a session without a user', () => {
    const allows = subscribeRules({ subscribe: { 'mine/*': () => true, 'public/*': true } })
    expect(allows('mine/x', null)).toBe(false)
    expect(allows('public/x', null)).toBe(true)
  })

  it('allow only by returning true, and must not return a promise', () => {
    const allows = subscribeRules({ subscribe: { 'a/:b': (() => 'yes') as unknown as () => boolean } })
    expect(allows('a/b')).toBe(false)
    const allowsByPromise = subscribeRules({
      subscribe: { 'a/:b': (async () => true) as unknown as () => boolean },
    })
    expect(() => allowsByPromise('a/b')).toThrow(/not a promise/)
  })

  it('accept parameter names that are properties of every object', () => {
    const allows = subscribeRules({
      subscribe: { ':__proto__/:toString': ({ params }) => String(params.toString) === 'x' },
    })
    expect(allows('polluted/x')).toBe(true)
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
  ])('are refused at creation: %j', (rules, message) => {
    expect(() => new RuleSet(rules as unknown as Rules)).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringMatching(message) }),
    )
  })

  it('have typed parameters', () => {
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

describe('the permissions claim', () => {
  it('lists patterns by action, and allows nothing for an action that it omits', () => {
    expect(readPermissions({ subscribe: ['a/*'], other: 1 })).toEqual({
      subscribe: [parsePattern('a/*')],
      send: [],
      join: [],
    })
  })

  it.each([null, 'a', [], { send: 'a' }, { send: [1] }, { send: ['a//b'] }, { join: [], send: {} }])(
    'is not valid as %j',
    (claim) => expect(readPermissions(claim)).toBeUndefined(),
  )
})
