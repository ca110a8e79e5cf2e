import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { topicMatches } from '../../../core/topics/topic.ts'
import { ListenerIndex } from '../../../plugins/nats/listener-index.ts'

const seed = Date.now() % 2 ** 31
console.log(`listener index: seed ${seed}`)

const path = (...segments: readonly string[]) =>
  fc.array(fc.constantFrom(...segments), { minLength: 1, maxLength: 3 }).map((all) => all.join('/'))
const aTopic = path('a', 'b')
const aPattern = path('a', 'b', '*')

describe('the listener index', () => {
  it('finds the nodes and groups whose patterns match a topic, as topicMatches does', () => {
    const want = fc.record({
      group: fc.constantFrom(null, 'g', 'h'),
      patterns: fc.uniqueArray(aPattern, { minLength: 1, maxLength: 3 }),
    })
    const wants = fc.array(want, { maxLength: 3 })
    const step = fc.record({ node: fc.constantFrom('self', 'b', 'c'), wants: fc.option(wants) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), aTopic, (steps, topic) => {
        const index = new ListenerIndex('self')
        const model = new Map<string, readonly { group: string | null; patterns: string[] }[]>()
        for (const { node, wants } of steps) {
          if (wants) index.set(node, wants)
          else index.remove(node)
          model.set(node, wants ?? [])
        }
        const found = [...model].flatMap(([node, all]) =>
          all
            .filter(({ patterns }) => patterns.some((pattern) => topicMatches(pattern, topic)))
            .map(({ group }) => ({ node, group })),
        )
        const groups = new Map<string, boolean>()
        for (const { node, group } of found) {
          if (group !== null) groups.set(group, groups.get(group) || node !== 'self')
        }
        const others = found.some(({ node, group }) => group === null && node !== 'self')
        expect(index.targets(topic)).toEqual({ others, groups })
        for (const node of model.keys()) index.remove(node)
        expect(index.empty).toBe(true)
      }),
      { seed, numRuns: 1000 },
    )
  })
})
