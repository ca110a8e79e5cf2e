import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { mergeContracts, prefixContract } from '../../../core/contract/compose.ts'
import { defineContract } from '../../../core/contract/define-contract.ts'
import { indexOf } from '../../../core/contract/index-key.ts'
import { coded } from '../handlers/handlers-support.ts'

const text = z.string()
const number = z.number()

describe('defineContract', () => {
  it.each<[string, unknown, RegExp, string?]>([
    ['no object', 5, /must be an object/],
    ['a list', [], /must be an object/],
    ['an unknown field', { topic: {} }, /the contract has no field 'topic'/],
    ['a user that is no schema', { user: {} }, /user must implement Standard Schema/],
    ['topics that are no object', { topics: [] }, /topics must be an object/],
    ['a topic that is no schema', { topics: { a: 5 } }, /topics\['a'\] must be a schema/],
    ['a topic without a schema', { topics: { a: { description: 'x' } } }, /topics\['a'\] must be a schema/],
    ['an undefined topic', { topics: { a: undefined } }, /topics\['a'\] must be a schema/],
    ['a schema of a topic that is none', { topics: { a: { schema: 5 } } }, /topics\['a'\].schema/],
    ['an unknown field of a topic', { topics: { a: { schema: text, x: 1 } } }, /has no field 'x'/],
    ['a description of another type', { topics: { a: { schema: text, description: 1 } } }, /description/],
    ['a JSON schema of another type', { topics: { a: { schema: text, jsonSchema: 1 } } }, /jsonSchema/],
    ['two names of one pattern', { topics: { 'a/:x': text, 'a/:y': text } }, /the same pattern/],
    ['a name and a * of one pattern', { calls: { 'a/:x/b': {}, 'a/*/b': {} } }, /the same pattern/],
    ['a topic that is not valid', { topics: { 'a//b': text } }, /empty segment/, 'invalid_pattern'],
    ['a name twice', { topics: { ':x/:x': text } }, /other names/, 'invalid_pattern'],
    ['a reserved topic', { topics: { '$a/b': text } }, /\$a\/b/, 'reserved_topic'],
    ['a reserved call', { calls: { 'a/$b': {} } }, /a\/\$b/, 'reserved_topic'],
    ['a call that is a schema', { calls: { a: text } }, /calls\['a'\] must be an object/],
    ['a call that is no object', { calls: { a: null } }, /calls\['a'\] must be an object/],
    ['an unknown field of a call', { calls: { a: { in: text } } }, /has no field 'in'/],
    ['an input that is no schema', { calls: { a: { input: 5 } } }, /input must implement/],
    ['an output that is no schema', { calls: { a: { output: {} } } }, /output must implement/],
    ['errors that are no object', { calls: { a: { errors: [] } } }, /errors must be an object/],
    ['an error that is no code', { calls: { a: { errors: { 'Too Fast': text } } } }, /too_fast/],
    ['an error without a schema', { calls: { a: { errors: { too_fast: undefined } } } }, /too_fast/],
    ['an error that clients never get', { calls: { a: { errors: { internal: text } } } }, /no client gets/],
  ])('refuses %s', (_what, contract, message, code = 'invalid_option') => {
    expect(() => defineContract(contract as object)).toThrow(
      coded(code, { message: expect.stringMatching(message) }),
    )
  })

  it('returns a frozen copy, with its own index', () => {
    const source = { topics: { 'a/:x': text }, calls: { b: { input: text } } }
    const contract = defineContract(source)
    expect(Object.isFrozen(contract)).toBe(true)
    expect(Object.isFrozen(contract.topics)).toBe(true)
    expect(indexOf(contract)).toBeDefined()
    expect(indexOf(source)).toBeUndefined()
    expect(indexOf(null)).toBeUndefined()
  })
})

describe('mergeContracts', () => {
  const chat = defineContract({ topics: { a: text }, calls: { b: { input: text } } })

  it('has the topics and calls of all contracts', () => {
    const merged = mergeContracts(chat, defineContract({ user: text as never, topics: { c: number } }))
    expect(merged.topics).toEqual({ a: text, c: number })
    expect(merged.calls).toEqual({ b: { input: text } })
    expect(indexOf(merged)?.user).toBe(text)
  })

  it.each([
    ['one topic', { topics: { a: number } }, /'a' in topics/],
    ['one call', { calls: { b: {} } }, /'b' in calls/],
  ])('refuses two contracts with %s', (_what, other, message) => {
    expect(() => mergeContracts(chat, defineContract(other))).toThrow(
      coded('invalid_option', { message: expect.stringMatching(message) }),
    )
  })

  it('refuses two users, but not the same schema twice', () => {
    const [one, other] = [z.object({ id: text }), z.object({ id: text })]
    expect(() => mergeContracts({ user: one }, { user: other })).toThrow(coded('invalid_option'))
    expect(mergeContracts({ user: one }, { user: one })).toEqual({ user: one })
  })
})

describe('prefixContract', () => {
  it('puts the prefix before topics and calls, and keeps the user', () => {
    const user = z.object({ id: text })
    const contract = prefixContract('tenants/:tenant', { user, topics: { 'a/:x': text }, calls: { b: {} } })
    expect(contract).toEqual({
      user,
      topics: { 'tenants/:tenant/a/:x': text },
      calls: { 'tenants/:tenant/b': {} },
    })
  })

  it.each([
    ['', 'invalid_option'],
    [5, 'invalid_option'],
    ['a/', 'invalid_pattern'],
    [':x', 'invalid_pattern'],
    ['$a', 'reserved_topic'],
  ])('refuses the prefix %s', (prefix, code) => {
    expect(() => prefixContract(prefix as string, { topics: { ':x': text } })).toThrow(coded(code))
  })
})

describe('the hash of a contract', () => {
  const hashOf = (contract: object) => indexOf(defineContract(contract))?.hash

  it('is the same for the same names and schemas in another order', () => {
    const one = hashOf({ topics: { a: text, b: number }, calls: { c: {}, d: { input: text } } })
    const other = hashOf({ calls: { d: { input: z.string() }, c: {} }, topics: { b: number, a: text } })
    expect(one).toBe(other)
  })

  it('changes with a name, a schema, an error and the user', () => {
    const base = { topics: { a: text }, calls: { b: { input: text, output: text, errors: { no: text } } } }
    const hashes = [
      base,
      { ...base, topics: { c: text } },
      { ...base, topics: { a: number } },
      { ...base, calls: { b: { ...base.calls.b, input: number } } },
      { ...base, calls: { b: { ...base.calls.b, output: number } } },
      { ...base, calls: { b: { ...base.calls.b, errors: { no: number } } } },
      { ...base, calls: { b: { ...base.calls.b, errors: { never: text } } } },
      { ...base, user: text },
    ].map(hashOf)
    expect(new Set(hashes).size).toBe(hashes.length)
  })

  it('counts a schema without a JSON schema by its library', () => {
    const hash = hashOf({ topics: { a: z.date() } })
    expect(hash).toMatch(/^[0-9a-z]+$/)
    expect(hashOf({ topics: { a: z.map(text, text) } })).toBe(hash)
  })
})
