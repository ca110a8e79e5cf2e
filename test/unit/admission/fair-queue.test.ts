import { describe, expect, it } from 'vitest'
import { FairQueue } from '../../../core/admission/fair-queue.ts'

/** A queue whose clock moves only when a piece takes time. */
const createLoop = () => {
  let now = 1000
  const served: string[] = []
  let before = 0
  const queue = new FairQueue({
    now: () => now,
    beforeRound: () => {
      before = served.length
    },
  })
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
  return {
    queue,
    served,
    turn,
    /** How many pieces had been handled when `beforeRound` was last called. */
    handledBefore: () => before,
    count: (name: string) => served.filter((one) => one === name).length,
    /** A peer whose pieces take some milliseconds each. */
    peer: (name: string, cost: number) => {
      let left = 0
      let extra = 0
      const flow = queue.flow(() => {
        served.push(name)
        now += cost + extra
        extra = 0
        left--
        return left > 0
      })
      return {
        send: (pieces: number, bytes = 0) => {
          left += pieces
          flow.ready(bytes)
        },
        /** The next piece takes so many milliseconds longer, as when the garbage collector runs. */
        pause: (millis: number) => {
          extra = millis
        },
      }
    },
    /** Turns of the event loop until so many pieces have been handled. */
    until: async (count: number) => {
      for (let turns = 0; served.length < count; turns++) {
        if (turns > 10_000) throw new Error(`Only ${served.length} of ${count} pieces have been handled`)
        await turn()
      }
    },
  }
}

describe('the fair queue', () => {
  it('handles input at once while few peers send', () => {
    const { peer, served } = createLoop()
    for (const name of ['a', 'b', 'c']) peer(name, 0.01).send(1)
    expect(served).toEqual(['a', 'b', 'c'])
  })

  it('handles cheap pieces of a peer together', () => {
    const { peer, served } = createLoop()
    peer('fast', 0.001).send(50)
    expect(served).toHaveLength(50)
  })

  it('stops at the credit of a peer, and continues in later turns', async () => {
    const { peer, served, until } = createLoop()
    peer('flood', 0.2).send(3)
    expect(served).toEqual(['flood'])
    await until(3)
    expect(served).toEqual(['flood', 'flood', 'flood'])
  })

  it('gives bulk flows the same time, not the same number of pieces', async () => {
    const { peer, until, count } = createLoop()
    peer('cheap', 0.2).send(1000)
    peer('dear', 0.6).send(1000)
    await until(400)
    expect(count('dear')).toBeGreaterThan(95)
    expect(count('dear')).toBeLessThan(105)
  })

  it('handles a sparse flow before hundreds of bulk flows', async () => {
    const { peer, served, until, turn } = createLoop()
    for (let flood = 0; flood < 500; flood++) peer('flood', 0.2).send(1000)
    const honest = peer('honest', 0.01)
    await until(1000)
    for (let message = 0; message < 20; message++) {
      const before = served.length
      honest.send(1)
      await turn()
      // At most the end of the turn that was under way.
      expect(served.slice(before, before + 4)).toContain('honest')
      await until(served.length + 600)
    }
  })

  it('handles small input before the large input of hundreds of new peers, and large input before the round', async () => {
    const { peer, served, turn, until } = createLoop()
    for (let flood = 0; flood < 10; flood++) peer('old', 0.2).send(1000)
    await until(100)
    for (let flood = 0; flood < 300; flood++) peer('new', 0.2).send(100, 60_000)
    const before = served.length
    peer('honest', 0.01).send(1)
    await turn()
    expect(served.slice(before, before + 2)).toEqual(['honest', 'new'])
    await until(before + 302)
    expect(served.slice(before + 1, before + 301)).toEqual(Array(300).fill('new'))
    expect(served[before + 301]).toBe('old')
  })

  it('handles several messages of a sparse flow within one round', async () => {
    const { peer, served, until } = createLoop()
    for (let flood = 0; flood < 500; flood++) peer('flood', 0.2).send(1000)
    await until(1000)
    const honest = peer('honest', 0.01)
    for (let message = 0; message < 9; message++) {
      const before = served.length
      honest.send(1)
      await until(before + 4)
      expect(served.slice(before, before + 4)).toContain('honest')
    }
  })

  it('gives a peer whose buffer repeatedly runs empty no more than its share', async () => {
    const { peer, until, count, turn, served } = createLoop()
    for (let flood = 0; flood < 10; flood++) peer('flood', 0.2).send(10_000)
    const sly = peer('sly', 0.2)
    while (served.length < 1100) {
      sly.send(1)
      await turn()
    }
    await until(1100)
    expect(count('sly')).toBeLessThan(120)
  })

  it('is work-conserving: while a piece waits, every turn handles at least one', async () => {
    const { peer, served, turn } = createLoop()
    peer('flood', 0.5).send(200)
    const honest = peer('honest', 0.01)
    for (let turns = 0; turns < 100; turns++) {
      const before = served.filter((name) => name === 'flood').length
      honest.send(1)
      await turn()
      expect(served.filter((name) => name === 'flood').length).toBeGreaterThan(before)
    }
  })

  it('calls back once in a turn, before it serves peers without credit', async () => {
    const { peer, served, handledBefore, turn } = createLoop()
    const flood = peer('flood', 1)
    flood.send(100)
    peer('honest', 0.01).send(1)
    peer('late', 0.01).send(1)
    await turn()
    expect(served).toEqual(['flood', 'honest', 'late', 'flood'])
    expect(handledBefore()).toBe(3)
  })

  it('does not call back while every peer has credit', async () => {
    const { peer, served, handledBefore, turn } = createLoop()
    peer('honest', 0.01).send(1)
    await turn()
    expect(served).toEqual(['honest'])
    expect(handledBefore()).toBe(0)
  })

  it('charges at most two milliseconds for a pause', async () => {
    const { peer, until, count } = createLoop()
    for (let flood = 0; flood < 50; flood++) peer('flood', 0.2).send(100_000)
    const unlucky = peer('unlucky', 0.2)
    unlucky.pause(30)
    unlucky.send(100_000)
    await until(51 * 20)
    // Two milliseconds are ten pieces.
    expect(count('unlucky')).toBeGreaterThan(8)
  })

  it('spends only part of a turn on input that arrives in it, and keeps the order', async () => {
    const { peer, served, turn } = createLoop()
    for (let index = 0; index < 100; index++) peer(`${index}`, 0.09).send(1)
    expect(served.length).toBeLessThan(10)
    let most = 0
    while (served.length < 100) {
      const before = served.length
      await turn()
      most = Math.max(most, served.length - before)
    }
    expect(most).toBeLessThan(10)
    expect(served).toEqual(Array.from({ length: 100 }, (_, index) => `${index}`))
  })

  it('does not call a flow without input', async () => {
    const { queue, turn } = createLoop()
    let called = 0
    const flow = queue.flow(() => {
      called++
      return false
    })
    flow.ready()
    await turn()
    await turn()
    expect(called).toBe(1)
  })

  it('continues with other flows if one throws', async () => {
    const { queue, peer, served, until } = createLoop()
    const failed = new Promise((resolve) => process.once('uncaughtException', resolve))
    const busy = queue.flow(() => {
      queue
        .flow(() => {
          throw new Error('boom')
        })
        .ready()
      peer('other', 0.1).send(1)
      return false
    })
    busy.ready()
    expect(await failed).toEqual(new Error('boom'))
    await until(1)
    expect(served).toEqual(['other'])
    expect(queue.serving).toBe(false)
  })

  it('handles input that arrives while a flow is served after that flow', async () => {
    const { queue, until, served } = createLoop()
    const inner = queue.flow(() => {
      expect(queue.serving).toBe(true)
      served.push('inner')
      return false
    })
    const outer = queue.flow(() => {
      inner.ready()
      served.push('outer')
      return false
    })
    outer.ready()
    expect(served).toEqual(['outer'])
    await until(2)
    expect(served).toEqual(['outer', 'inner'])
    expect(queue.serving).toBe(false)
  })

  it('forgives a flow its debt after 100 ms, however long a round takes', async () => {
    const { peer, served, until } = createLoop()
    for (let flood = 0; flood < 1000; flood++) peer('flood', 0.2).send(1000, 60_000)
    const honest = peer('honest', 0.9)
    honest.send(1)
    // Half a round, of the eight that would pay for that.
    await until(served.length + 600)
    const before = served.length
    honest.send(1)
    expect(served[before]).toBe('honest')
  })
})
