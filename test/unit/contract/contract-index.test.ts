import { describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { defineContract } from '../../../core/contract/define-contract.ts'
import { indexOf } from '../../../core/contract/index-key.ts'
import { ContractRules } from '../../../core/handlers/contract-rules.ts'
import { coded } from '../handlers/handlers-support.ts'

const create = (contract: object, strict = true, validateOutput = true) => {
  const defined = defineContract(contract)
  return new ContractRules(defined, indexOf(defined), { strict, validateOutput })
}

describe('the index of a contract', () => {
  const index = indexOf(
    defineContract({
      topics: { 'rooms/lobby': z.literal(1), 'rooms/:room': z.number(), 'feeds/*': z.string() },
      calls: { 'orders/:id/cancel': { output: z.boolean() }, 'orders/7/cancel': {} },
    }),
  )!

  it.each([
    ['rooms/lobby', true],
    ['rooms/42', true],
    ['rooms/42/messages', false],
    ['rooms/*', true],
    ['*/42', true],
    ['*', true],
    ['rooms/*/messages', false],
    ['feeds/*', true],
    ['feeds/a/b', true],
    ['feeds', false],
    ['other/*', false],
    ['rooms/:room', true],
  ])('covers %s: %s', (pattern, covered) => {
    expect(index.covers(pattern)).toBe(covered)
  })

  it('reads a message by the most specific pattern, and knows all schemas of a topic', () => {
    const invalid = vi.fn()
    const reader = index.createReader({ invalid, warn: () => {} })
    expect(reader.message({ topic: 'rooms/42', payload: 2 })).toEqual({ topic: 'rooms/42', payload: 2 })
    expect(reader.message({ topic: 'elsewhere', payload: 'any' })?.payload).toBe('any')
    expect(invalid).not.toHaveBeenCalled()
    expect(reader.message({ topic: 'rooms/lobby', payload: 2 })).toBeUndefined()
    expect(invalid.mock.calls).toEqual([[coded('invalid_payload')]])
    expect(index.schemasOf('rooms/lobby')).toHaveLength(2)
  })

  it('finds a call by its pattern, whatever its names, and by a topic', () => {
    expect(index.callNamed('orders/*/cancel')).toBe(index.callNamed('orders/:order/cancel'))
    expect(index.callNamed('orders/8/cancel')).toBeUndefined()
    expect(index.callOf('orders/8/cancel')).toBe(index.callNamed('orders/:id/cancel'))
    expect(index.callOf('orders/7/cancel')).toEqual({})
  })
})

describe('the rules of a contract', () => {
  it('refuse a message of the server with a payload that one of its topics does not allow', () => {
    const rules = create({
      topics: { 'a/*': z.object({ id: z.string() }), 'a/b': z.object({ n: z.number() }) },
    })
    const check = (payload: unknown) => () => rules.checkMessage('a/b', payload)
    expect(check({ id: 'x', n: 1 })).not.toThrow()
    expect(check({ n: 1 })).toThrow(
      coded('invalid_output', {
        message: expect.stringContaining("'a/b' is not valid: id"),
        issues: [expect.anything()],
      }),
    )
    expect(check({ id: 'x' })).toThrow(coded('invalid_output'))
  })

  it('refuse an asynchronous schema of a topic', () => {
    const rules = create({ topics: { a: z.string().refine(async () => false) } })
    expect(() => rules.checkMessage('a', 'x')).toThrow(
      coded('invalid_option', { message: expect.stringContaining('needs a synchronous schema') }),
    )
  })

  it('leave the topics of plugins to them', () => {
    const rules = create({ topics: { 'rooms/:room/:what': z.number() } })
    rules.allowTopics('rooms/:room/closed')
    expect(() => rules.checkMessage('rooms/1/closed', 'text')).not.toThrow()
    expect(() => rules.checkMessage('rooms/1/closed/again', 'text')).toThrow(coded('invalid_output'))
    expect(() => rules.allowTopics('a//b')).toThrow(coded('invalid_pattern'))
  })

  it('take a name in the pattern of a client as text', () => {
    const rules = create({ topics: { 'rooms/lobby/messages': z.number() } })
    rules.allowTopics('rooms/main/:what')
    for (const pattern of ['rooms/:room/messages', 'rooms/:/messages', 'rooms/:1/messages', ':a/main/x']) {
      expect(() => rules.checkPattern(pattern), pattern).toThrow(coded('unknown_topic'))
    }
    for (const pattern of ['rooms/*/messages', 'rooms/main/:what', '*']) {
      expect(() => rules.checkPattern(pattern), pattern).not.toThrow()
    }
  })

  it('check nothing that is neither strict nor validated', () => {
    const rules = create({ topics: { a: z.number() } }, false, false)
    expect(() => rules.checkMessage('a', 'text')).not.toThrow()
    expect(() => rules.checkMessage('b', 'text')).not.toThrow()
    expect(() => rules.checkPattern('c')).not.toThrow()
    expect(() => rules.checkHandler('d')).not.toThrow()
  })
})
