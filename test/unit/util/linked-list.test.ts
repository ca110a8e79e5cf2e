import { describe, expect, it } from 'vitest'
import { LinkedList } from '../../../core/util/linked-list.ts'

const listOf = (...values: string[]) => {
  const list = new LinkedList<string>()
  return { list, entries: values.map((value) => list.add(value)) }
}

describe('a linked list', () => {
  it('keeps values in the order they were added', () => {
    const { list } = listOf('a', 'b', 'c')
    expect([...list]).toEqual(['a', 'b', 'c'])
    expect([list.size, list.first?.value]).toEqual([3, 'a'])
  })

  it('deletes any entry, once', () => {
    const { list, entries } = listOf('a', 'b', 'c', 'd')
    for (const index of [1, 0, 3]) expect(list.delete(entries[index]!)).toBe(true)
    expect(list.delete(entries[1]!)).toBe(false)
    expect([...list, list.size]).toEqual(['c', 1])
    expect(list.delete(entries[2]!)).toBe(true)
    expect([...list, list.size, list.first]).toEqual([0, undefined])
    list.add('e')
    expect([...list]).toEqual(['e'])
  })

  it('keeps no reference from a deleted entry to the others', () => {
    const { list, entries } = listOf('a', 'b', 'c')
    list.delete(entries[1]!)
    expect([entries[1]!.before, entries[1]!.after]).toEqual([undefined, undefined])
  })

  it('may be changed during an iteration', () => {
    const { list, entries } = listOf('a', 'b', 'c')
    const seen: string[] = []
    for (const value of list) {
      seen.push(value)
      for (const entry of entries) list.delete(entry)
      list.add('d')
    }
    expect(seen).toEqual(['a', 'b', 'c'])
    expect([...list]).toEqual(['d', 'd', 'd'])
  })
})
