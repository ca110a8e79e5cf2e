import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { CursorCodec } from '../../../plugins/history/cursor.ts'

const key = randomBytes(16)

it.each([0, 1, 255, 256, 2 ** 32, Number.MAX_SAFE_INTEGER])('a cursor holds the position %i', (seq) => {
  const codec = new CursorCodec('one', key)
  expect(codec.decode(codec.encode(seq))).toBe(seq)
})

it('the same position has the same cursor at every node, whatever was encoded before', () => {
  const codec = new CursorCodec('one', key)
  const first = codec.encode(7)
  codec.encode(8)
  expect([codec.encode(7), new CursorCodec('one', key).encode(7)]).toEqual([first, first])
})

it('a cursor of another epoch or another key is none', () => {
  const cursor = new CursorCodec('one', key).encode(7)
  expect(new CursorCodec('two', key).decode(cursor)).toBe(undefined)
  expect(new CursorCodec('one').decode(cursor)).toBe(undefined)
  expect(new CursorCodec('', key).decode(cursor)).toBe(undefined)
})

it.each(['', '7', 'x'.repeat(22), 'x'.repeat(10_000), '='.repeat(22), 'é'.repeat(22)])(
  'a text that is no cursor is refused: %#',
  (text) => {
    expect(new CursorCodec('one', key).decode(text)).toBe(undefined)
  },
)

it('a changed cursor is none, whichever character was changed', () => {
  const codec = new CursorCodec('one', key)
  const cursor = codec.encode(7)
  for (let index = 0; index < cursor.length - 1; index++) {
    const other = cursor[index] === 'A' ? 'B' : 'A'
    expect(codec.decode(cursor.slice(0, index) + other + cursor.slice(index + 1))).toBe(undefined)
  }
})

it('cursors of neighbouring positions have nothing in common', () => {
  const codec = new CursorCodec('one', key)
  const texts = Array.from({ length: 100 }, (_, seq) => codec.encode(seq))
  expect(new Set(texts.map((text) => text.slice(0, 6))).size).toBe(100)
})
