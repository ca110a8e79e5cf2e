import { describe, expect, it, vi } from 'vitest'
import type { KeptMessage } from '../../../core/history/store.ts'
import { OrderedDelivery } from '../../../plugins/nats/ordered-delivery.ts'
import { createRandom } from '../../../plugins/testing/random.ts'
import { recordingLogger } from '../../support/app.ts'

const kept = (seq: number, time = seq): KeptMessage => ({
  seq,
  topics: ['a'],
  topic: 'a',
  payload: String(seq),
  except: null,
  time,
})

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)

const create = (stream: { first: number; last: number; isAway?: boolean; behind?: number }) => {
  const logger = recordingLogger()
  const delivered: KeptMessage[] = []
  const failures: unknown[] = []
  /** Number of messages that had been delivered before each loss. */
  const losses: number[] = []
  const reads: (readonly [number, number])[] = []
  const delivery = new OrderedDelivery({
    log: logger,
    deliver: (message) => delivered.push(message),
    lost: () => losses.push(delivered.length),
    failed: (error) => failures.push(error),
    first: async () => stream.first,
    read: async (from, to) => {
      if (stream.isAway) throw new Error('away')
      reads.push([from, to])
      return upTo(Math.min(to, stream.last - (stream.behind ?? 0)))
        .filter((seq) => seq >= Math.max(from, stream.first))
        .map((seq) => kept(seq))
    },
  })
  return {
    delivery,
    delivered,
    failures,
    losses,
    reads,
    lines: logger.lines,
    seqs: () => delivered.map(({ seq }) => seq),
  }
}

describe('OrderedDelivery', () => {
  it('delivers messages that arrive in order at once, without a read', () => {
    const { delivery, reads, seqs } = create({ first: 1, last: 3 })
    for (const seq of upTo(3)) delivery.receive(kept(seq))
    expect(seqs()).toEqual([1, 2, 3])
    expect(delivery.delivered).toBe(3)
    expect(reads).toEqual([])
  })

  it('reads what is missing before it goes on, and ignores what it has delivered', async () => {
    const { delivery, reads, seqs } = create({ first: 1, last: 6 })
    for (const seq of [1, 5, 6, 1]) delivery.receive(kept(seq))
    expect(seqs()).toEqual([1])
    await vi.waitFor(() => expect(seqs()).toEqual([1, 2, 3, 4, 5, 6]))
    expect(reads).toEqual([[2, 5]])
  })

  it('skips messages that have expired, logs how many, and tells the node', async () => {
    const { delivery, seqs, lines, losses } = create({ first: 301, last: 302 })
    delivery.receive(kept(1))
    await delivery.reach(302)
    expect(seqs()).toEqual([1, 301, 302])
    const logged = lines
      .filter(({ level }) => level === 'warn')
      .map(({ from, to, messages }) => [from, to, messages])
    expect(logged).toEqual([[2, 300, 299]])
    expect(losses).toEqual([1])
  })

  it('reports a read that fails, and reads again when it is asked to', async () => {
    const stream = { first: 1, last: 4, isAway: true }
    const { delivery, failures, seqs } = create(stream)
    delivery.receive(kept(3))
    await vi.waitFor(() => expect(failures).toHaveLength(1))
    stream.isAway = false
    await delivery.reach(4)
    expect(seqs()).toEqual([1, 2, 3, 4])
  })

  it('does not skip messages that the server which answers does not have yet', async () => {
    const stream = { first: 1, last: 4, behind: 2 }
    const { delivery, seqs } = create(stream)
    await expect(delivery.reach(4)).rejects.toThrow(/is behind the others/)
    expect(seqs()).toEqual([1, 2])
    stream.behind = 0
    await delivery.reach(4)
    expect(seqs()).toEqual([1, 2, 3, 4])
  })

  it('goes on after another number when it is reset, also while it reads', async () => {
    const { delivery, seqs } = create({ first: 1, last: 10 })
    delivery.reset(5)
    delivery.receive(kept(8))
    delivery.reset(0)
    delivery.receive(kept(1))
    await delivery.reach(3)
    expect(seqs()).toEqual([1, 2, 3])
  })

  it('never delivers a lower time than before', () => {
    const { delivery, delivered } = create({ first: 1, last: 3 })
    for (const [seq, time] of [
      [1, 100],
      [2, 90],
      [3, 110],
    ] as const) {
      delivery.receive(kept(seq, time))
    }
    expect(delivered.map(({ time }) => time)).toEqual([100, 100, 110])
  })

  it('delivers everything once and in order, whatever is lost or arrives twice', async () => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
    console.log(`ordered delivery: SEED=${seed}`)
    const random = createRandom(seed, 'ordered delivery')
    for (let round = 0; round < 20; round++) {
      const last = 1 + random.below(3_000)
      const { delivery, seqs } = create({ first: 1, last })
      for (const seq of upTo(last)) {
        if (random.below(10) > 0) delivery.receive(kept(seq))
        if (random.below(20) === 0) delivery.receive(kept(1 + random.below(seq)))
        if (random.below(50) === 0) await Promise.resolve()
      }
      await delivery.reach(last)
      expect(seqs()).toEqual(upTo(last))
    }
  })
})
