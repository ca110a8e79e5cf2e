import { describe, expect, it } from 'vitest'
import { ListenerIndex } from '../../../plugins/nats/listener-index.ts'
import { ListenerLists } from '../../../plugins/nats/listener-lists.ts'
import { MAX_PAGE_BYTES, OwnListeners } from '../../../plugins/nats/own-listeners.ts'
import { createRandom } from '../../../plugins/testing/random.ts'

/** Receives what a node tells, into an index. */
const receiver = () => {
  const index = new ListenerIndex('self')
  const lists = new ListenerLists({
    set: (node, listeners) => {
      index.removeNode(node)
      index.add(node, listeners)
    },
    change: (node, { what, listeners }) => index[what === 'added' ? 'add' : 'remove'](node, listeners),
  })
  return { index, lists }
}

const pattern = (n: number) => `${'x'.repeat(80)}/${n}`

describe('the listeners of a node', () => {
  it('are told in pages that fit into a message, and complete with the last one', () => {
    const own = new OwnListeners()
    for (let n = 0; n < 3000; n++) own.change(n % 2 ? 'group' : null, pattern(n), true)
    for (const change of own.takeChanges()) {
      expect(Buffer.byteLength(JSON.stringify(change))).toBeLessThan(1.2 * MAX_PAGE_BYTES)
    }
    const { index, lists } = receiver()
    const pages = own.pages()
    expect(pages.length).toBeGreaterThan(3)
    for (const page of pages) {
      expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(1.2 * MAX_PAGE_BYTES)
      expect(index.empty).toBe(true)
      lists.page('b', page)
    }
    expect(lists.revision('b')).toBe(own.revision)
    expect(index.targets(pattern(2998)).others).toBe(true)
    expect([...index.targets(pattern(2999)).groups]).toEqual([['group', true]])
  })

  it('are told as differences: a listener that comes and goes in one turn is not told', () => {
    const own = new OwnListeners()
    own.change(null, 'a', true)
    own.change(null, 'b', true)
    own.change(null, 'b', false)
    expect(own.takeChanges()).toEqual([
      { revision: 1, what: 'added', listeners: [{ group: null, patterns: ['a'] }] },
    ])
    own.change(null, 'a', false)
    own.change('g', 'a', true)
    expect(own.takeChanges()).toEqual([
      { revision: 2, what: 'removed', listeners: [{ group: null, patterns: ['a'] }] },
      { revision: 3, what: 'added', listeners: [{ group: 'g', patterns: ['a'] }] },
    ])
    expect([own.takeChanges(), own.revision]).toEqual([[], 3])
  })

  it('are known with the revision of the node only if no page and no change was lost', () => {
    const own = new OwnListeners()
    for (let n = 0; n < 3000; n++) own.change(null, pattern(n), true)
    own.takeChanges()
    const { lists, index } = receiver()
    for (const page of own.pages().filter((_page, at) => at !== 1)) lists.page('b', page)
    expect([lists.revision('b'), index.empty]).toEqual([undefined, true])
    for (const page of own.pages()) lists.page('b', page)
    expect(lists.revision('b')).toBe(own.revision)
    own.change(null, 'lost', true)
    own.takeChanges()
    own.change(null, 'next', true)
    for (const change of own.takeChanges()) lists.change('b', change)
    expect(lists.revision('b')).not.toBe(own.revision)
    for (const page of own.pages()) lists.page('b', page)
    expect([lists.revision('b'), index.targets('lost').others]).toEqual([own.revision, true])
    lists.remove('b')
    expect(lists.revision('b')).toBeUndefined()
  })

  it('are the same on another node after random changes, whenever it has asked for the list', () => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
    console.log(`listener lists: SEED=${seed}`)
    const random = createRandom(seed, 'listener lists')
    const own = new OwnListeners()
    const truth = new Set<string>()
    const { lists, index } = receiver()
    for (let step = 0; step < 2000; step++) {
      const topic = `t/${random.below(30)}`
      const wanted = !truth.delete(topic)
      if (wanted) truth.add(topic)
      own.change(null, topic, wanted)
      if (random.below(3) > 0) continue
      for (const change of own.takeChanges()) lists.change('b', change)
      if (random.below(50) === 0) for (const page of own.pages()) lists.page('b', page)
      if (lists.revision('b') === undefined) continue
      for (let n = 0; n < 30; n++) expect(index.targets(`t/${n}`).others).toBe(truth.has(`t/${n}`))
    }
    expect(lists.revision('b')).toBe(own.revision)
  })
})
