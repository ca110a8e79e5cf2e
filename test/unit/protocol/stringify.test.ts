import { describe, expect, it } from 'vitest'
import { RookeryError } from '../../../core/protocol/errors.ts'
import { stringify } from '../../../core/protocol/stringify.ts'

class Entity {
  readonly id = 1
  readonly tags = new Set(['a'])
}

class Money {
  readonly #cents = 5
  toJSON(): string {
    return `${this.#cents} ct`
  }
}

class Wrapper {
  readonly inner: unknown
  constructor(inner: unknown) {
    this.inner = inner
  }
  toJSON(): unknown {
    return { ...this }
  }
}

const LOST: readonly (readonly [string, unknown])[] = [
  ['payload is a Map', new Map([[1, 2]])],
  ['payload.items[3].tags is a Map', { items: [1, {}, [], { tags: new Map() }] }],
  ['payload.a.b is a Set', { a: { b: new Set([1]) } }],
  ['payload[0] is a WeakMap', [new WeakMap()]],
  ['payload is an ArrayBuffer', new ArrayBuffer(3)],
  ['payload.bytes is a Uint8Array', { bytes: new Uint8Array([1, 2]) }],
  ['payload.bytes is a Uint8Array', { bytes: Buffer.from('abc') }],
  ['payload.bytes is a Float64Array', { bytes: new Float64Array() }],
  ['payload is a DataView', new DataView(new ArrayBuffer(1))],
  ['payload is a Generator', (function* () {})()],
  ['payload is an AsyncGenerator', (async function* () {})()],
  ['payload.keys is an Array Iterator', { keys: [1].values() }],
  ['payload.user is a Promise', { user: Promise.resolve(1) }],
  ['payload is a Response', new Response('text')],
  ['payload.body is a ReadableStream', { body: new ReadableStream() }],
  ['payload is a URLSearchParams', new URLSearchParams('a=1')],
  ['payload.error is an Error', { error: new TypeError('why') }],
  ['payload is a RegExp', /a/],
  ['payload is a function', () => 1],
  ['payload is a symbol', Symbol('a')],
  ['payload.tags is a Set', new Entity()],
  ['payload.entity.inner is a Map', { entity: new Wrapper(new Map()) }],
]

const KEPT: readonly (readonly [string, unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ['primitive values', ['a', 1, true, null]],
  ['empty objects and lists', { a: {}, b: [], c: Object.create(null) }],
  ['a Date', { at: new Date(0) }],
  ['a URL', new URL('http://localhost/')],
  ['a class with a toJSON', { price: new Money() }],
  ['a class with fields', Object.assign(new (class Point {})(), { x: 1 })],
  ['an empty class', new (class Draft {})()],
  ['boxed values', [Object(1), Object('a'), Object(false)]],
  ['an error of Rookery', new RookeryError('sold_out')],
  ['a function or undefined as a field', { f() {}, u: undefined, list: [() => 1, undefined] }],
  ['a plain object with a toJSON', { raw: new Map(), toJSON: () => ({ size: 0 }) }],
  ['a toJSON that returns undefined', { a: new Map(), toJSON: (): unknown => undefined }],
  ['text that looks like an empty object', '{} {"0":1}'],
]

describe('a payload that JSON would destroy', () => {
  it.each(LOST)('is unserializable: %s', (message, payload) => {
    expect(() => stringify(payload)).toThrow(
      expect.objectContaining({ code: 'unserializable', message: expect.stringContaining(message) }),
    )
  })

  it('is found at any depth that a frame may have', () => {
    let deep: unknown = new Map()
    for (let depth = 0; depth < 100; depth++) deep = [deep]
    expect(() => stringify(deep)).toThrow(expect.objectContaining({ code: 'unserializable' }))
  })
})

describe('a plain object with a toJSON', () => {
  it('may hide a cycle', () => {
    const parent: Record<string, unknown> = { toJSON: () => ({ name: 'parent' }) }
    parent.self = { parent }
    expect(stringify(parent)).toBe('{"name":"parent"}')
  })
})

describe('a payload that JSON holds', () => {
  it.each(KEPT)('is written as JSON.stringify writes it: %s', (_what, payload) => {
    expect(stringify(payload)).toBe(JSON.stringify(payload))
  })
})

describe('a payload that JSON.stringify refuses', () => {
  const circle: Record<string, unknown> = {}
  circle.self = circle

  it.each([
    ['a bigint', { n: 1n }, /BigInt/],
    ['a cycle', circle, /circular/],
  ])('is unserializable: %s', (_what, payload, message) => {
    expect(() => stringify(payload)).toThrow(
      expect.objectContaining({ code: 'unserializable', message: expect.stringMatching(message) }),
    )
  })
})
