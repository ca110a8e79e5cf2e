import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, it } from 'vitest'
import { Handlers } from '../../../core/handlers/handlers.ts'
import { coded, createHandlers } from './handlers-support.ts'

/** A thenable: it has only `then`, which returns nothing. */
const bare = (value: unknown): unknown => ({
  // biome-ignore lint/suspicious/noThenProperty: the test needs a thenable
  then: (resolve: (value: unknown) => void) => {
    resolve(value)
  },
})

const schemaOf = (validate: (value: unknown) => unknown) =>
  ({ '~standard': { version: 1, vendor: 'test', validate } }) as unknown as StandardSchemaV1

/** Runs handlers, and counts the messages that have ended. */
const createRun = () => {
  const handlers = new Handlers(10_000)
  let ended = 0
  const end = () => void ended++
  const run = (topic: string) =>
    handlers.run({ topic, payload: 1, abort: () => {}, end } as unknown as Parameters<Handlers['run']>[0])
  return { handlers, run, ended: () => ended }
}

describe('a message with a synchronous handler', () => {
  it('ends in the same call', () => {
    const { handlers, run, ended } = createRun()
    handlers.add('plain', () => 'done')
    handlers.add(
      'valid',
      schemaOf((value) => ({ value })),
      (_ctx, payload) => payload,
    )
    expect([run('plain'), run('valid')]).toEqual(['done', 1])
    expect(ended()).toBe(2)
  })

  it('ends in the same call if it fails', () => {
    const { handlers, run, ended } = createRun()
    handlers.add('throws', () => {
      throw new Error('no')
    })
    handlers.add(
      'invalid',
      schemaOf(() => ({ issues: [{ message: 'bad' }] })),
      () => {},
    )
    expect(() => run('throws')).toThrow('no')
    expect(() => run('invalid')).toThrow(coded('invalid_payload'))
    expect(() => run('unknown')).toThrow(coded('unknown_topic'))
    expect(ended()).toBe(3)
  })
})

describe('a thenable', () => {
  it('of a handler or a schema is awaited', async () => {
    const { handlers, send } = createHandlers()
    handlers.add('returned', (_ctx, payload) => bare(payload))
    handlers.add(
      'validated',
      schemaOf((value) => bare({ value: `${value}!` })),
      (_ctx, payload) => payload,
    )
    expect(await send('returned', 1)).toBe(1)
    expect(await send('validated', 'a')).toBe('a!')
  })
})
