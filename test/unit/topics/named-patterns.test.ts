import { describe, expect, it } from 'vitest'
import { PatternTrie } from '../../../core/topics/pattern-trie.ts'

/** A trie whose values are their patterns. */
const trieOf = (...patterns: string[]) => {
  const trie = new PatternTrie<{ pattern: string }>({ named: true })
  for (const pattern of patterns) trie.add(pattern, { pattern })
  return trie
}

describe('a trie with named segments', () => {
  it('matches one segment with `:` at the end, and the rest with `*`', () => {
    const trie = trieOf('a/:', 'a/*', 'a/*/c')
    const matching = (topic: string) =>
      trie
        .match(topic)
        .map(({ pattern }) => pattern)
        .toSorted()
    expect(matching('a/b')).toEqual(['a/*', 'a/:'])
    expect(matching('a/b/c')).toEqual(['a/*', 'a/*/c'])
    expect(matching('a/:')).toEqual(['a/*', 'a/:'])
    expect(matching('a')).toEqual([])
  })

  it('prefers a literal segment to `:`, and `:` to the rest', () => {
    const trie = trieOf('a/:', 'a/*', 'a/b')
    const chosen = ['a/b', 'a/c', 'a/c/d', 'a/:'].map((topic) => trie.mostSpecific(topic)?.pattern)
    expect(chosen).toEqual(['a/b', 'a/:', 'a/*', 'a/:'])
  })

  it('deletes `:` without the `*` beside it, and is empty in the end', () => {
    const trie = trieOf('a/:', 'a/*', ':')
    trie.delete('a/:')
    expect(trie.mostSpecific('a/b')?.pattern).toBe('a/*')
    expect(trie.mostSpecific('b')?.pattern).toBe(':')
    for (const pattern of ['a/*', ':']) trie.delete(pattern)
    expect([trie.size, trie.nodes]).toEqual([0, 0])
  })

  it('takes `:` as text if it has no names', () => {
    const trie = new PatternTrie<{ pattern: string }>()
    trie.add('a/:', { pattern: 'a/:' })
    expect(trie.match('a/b')).toEqual([])
    expect(trie.match('a/:')).toHaveLength(1)
  })

  it('does not match a topic of the framework', () => {
    const trie = trieOf(':', '*/b')
    expect(trie.match('$user')).toEqual([])
    expect(trie.mostSpecific('$user')).toBeUndefined()
  })
})
