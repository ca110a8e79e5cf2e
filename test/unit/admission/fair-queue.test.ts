import { describe, expect, it, vi } from 'vitest'
import { Intake } from '../../../core/admission/fair-queue.ts'

/** A flow's bytes are little up to 2 KiB. */
const LITTLE = 100
const MUCH = 60_000

/** Clocks that move only when something takes its time, and turns of the event loop that are counted. */
const createLoop = () => {
  let now = 1000
  let paused = 0
  const served: string[] = []
  let flushed = 0
  const intake = new Intake({
    now: () => now,
    worked: () => now - paused,
    beforeBulk: () => {
      flushed = served.length
    },
  })
  return {
    intake,
    served,
    /** How many pieces had been handled when what they caused was last sent. */
    flushed: () => flushed,
    /** How many pieces of somebody have been handled. */
    count: (name: string) => served.filter((one) => one === name).length,
    pass: (millis: number) => {
      now += millis
    },
    /** Somebody who has so many pieces to be handled, each of which takes some milliseconds. */
    peer: (name: string, cost: number, pieces = 1) => {
      let left = pieces
      let pause = 0
      let collection = 0
      const flow = intake.flow(() => {
        served.push(name)
        now += cost + pause + collection
        paused += pause
        pause = 0
        collection = 0
        left--
        return left > 0
      })
      return {
        send: (bytes: number, more = pieces) => {
          left = more
          flow.ready(bytes)
        },
        /** The next piece meets a pause of so many milliseconds, in which others have the processor. */
        meet: (millis: number) => {
          pause = millis
        },
        /** The next piece meets so many milliseconds in which the process works, and not for it. */
        collect: (millis: number) => {
          collection = millis
        },
      }
    },
    /** Lets one turn of the event loop pass. */
    turn: () => new Promise<void>((resolve) => setImmediate(resolve)),
    /** Turns until so many pieces have been handled. */
    until: async (count: number) => {
      for (let turns = 0; served.length < count; turns++) {
        if (turns > 10_000) throw new Error(`Only ${served.length} of ${count} pieces have been handled`)
        now += 0.1
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

describe('the intake', () => {
  it('handles a little at once, whoever it comes from', () => {
    const { peer, served } = createLoop()
    for (const name of ['a', 'b', 'c']) peer(name, 0.01).send(LITTLE)
    expect(served).toEqual(['a', 'b', 'c'])
  })

  it('handles much not at once, but a piece at a time', async () => {
    const { peer, served, until } = createLoop()
    peer('flood', 0.2, 3).send(MUCH)
    expect(served).toEqual([])
    await until(3)
    expect(served).toEqual(['flood', 'flood', 'flood'])
  })

  it('handles pieces that take no time together, in one turn', async () => {
    const { peer, served, turn } = createLoop()
    peer('fast', 0.001, 50).send(MUCH)
    await turn()
    expect(served).toHaveLength(50)
  })

  it('serves those who have much in turns, by the time that they take', async () => {
    const { peer, until, count } = createLoop()
    peer('cheap', 0.2, 1000).send(MUCH)
    peer('dear', 0.6, 1000).send(MUCH)
    await until(400)
    const dear = count('dear')
    // A quarter of the pieces, since each takes three times as long.
    expect(dear).toBeGreaterThan(95)
    expect(dear).toBeLessThan(105)
  })

  it('lets one who sends a little overtake hundreds who send much', async () => {
    const { peer, served, until } = createLoop()
    for (let flood = 0; flood < 500; flood++) peer('flood', 0.2, 100).send(MUCH)
    const honest = peer('honest', 0.01)
    await until(1000)
    for (let message = 0; message < 20; message++) {
      const before = served.length
      honest.send(LITTLE, 1)
      await until(before + 1)
      expect(served[before]).toBe('honest')
      await until(served.length + 600)
    }
  })

  it('has what those with a little caused sent before it serves those with much', async () => {
    const { peer, served, flushed, turn } = createLoop()
    peer('flood', 1, 100).send(MUCH)
    peer('honest', 0.01).send(LITTLE)
    peer('late', 0.01).send(LITTLE)
    await turn()
    expect(served).toEqual(['honest', 'late', 'flood'])
    expect(flushed()).toBe(2)
  })

  it('leaves that to the end of the turn while nobody has much', async () => {
    const { peer, served, flushed, turn } = createLoop()
    peer('honest', 0.01).send(LITTLE)
    await turn()
    expect(served).toEqual(['honest'])
    expect(flushed()).toBe(0)
  })

  it('does not hold a pause against whom it met', async () => {
    const { peer, served, until, count } = createLoop()
    for (let flood = 0; flood < 50; flood++) peer('flood', 0.2, 1e6).send(MUCH)
    const unlucky = peer('unlucky', 0.2, 1e6)
    unlucky.send(MUCH)
    unlucky.meet(30)
    await until(51 * 20)
    expect(count('unlucky')).toBeGreaterThan(18)
    const other = peer('other', 0.01)
    other.meet(30)
    for (let message = 0; message < 2; message++) {
      const before = served.length
      other.send(LITTLE, 1)
      expect(served.slice(before)).toEqual(['other'])
      await until(served.length + 51 * 5)
    }
  })

  it('holds no more than two milliseconds against whom a collection of garbage met', async () => {
    const { peer, until, count } = createLoop()
    for (let flood = 0; flood < 50; flood++) peer('flood', 0.2, 1e6).send(MUCH)
    const unlucky = peer('unlucky', 0.2, 1e6)
    unlucky.send(MUCH)
    unlucky.collect(30)
    await until(51 * 20)
    // Ten turns less than each of the others.
    expect(count('unlucky')).toBeGreaterThan(8)
  })

  it.each([
    // Twice as long as a turn of the right length.
    { cost: 0.25, rest: 0.5 },
    // What was too much counts twice...
    { cost: 0.65, rest: 2.1 },
    // ...up to two milliseconds of it.
    { cost: 30, rest: 64 },
  ])('rests for $rest ms after a piece that took $cost ms', async ({ cost, rest }) => {
    const { peer, turn, pass, count } = createLoop()
    peer('flood', cost, 1e6).send(MUCH)
    peer('honest', 0).send(LITTLE, 1)
    await turn()
    for (let step = 0; step < 9; step++) {
      pass(rest / 10)
      peer('honest', 0).send(LITTLE, 1)
      await turn()
    }
    expect(count('flood')).toBe(1)
    pass(rest / 9)
    await vi.waitFor(() => expect(count('flood')).toBe(2))
  })

  it('rests no longer for a pause', async () => {
    const { peer, turn, pass, count } = createLoop()
    const flood = peer('flood', 0.5, 1e6)
    flood.send(MUCH)
    flood.meet(30)
    peer('honest', 0.01).send(LITTLE, 1)
    await turn()
    expect(count('flood')).toBe(1)
    pass(1.5)
    await vi.waitFor(() => expect(count('flood')).toBeGreaterThan(1))
  })

  it('forgets after a while what somebody has had', async () => {
    const { peer, served, until, pass } = createLoop()
    for (let flood = 0; flood < 10; flood++) peer('flood', 0.2, 1e6).send(MUCH)
    const unlucky = peer('unlucky', 30)
    await until(100)
    unlucky.send(LITTLE, 1)
    await until(served.length + 10)
    pass(101)
    const before = served.length
    unlucky.send(LITTLE, 1)
    expect(served.slice(before)).toEqual(['unlucky'])
  })

  it('spends no more than a part of a turn on what comes in it', async () => {
    const { peer, served, turn } = createLoop()
    for (let index = 0; index < 100; index++) peer(`${index}`, 0.1).send(LITTLE)
    expect(served.length).toBeLessThan(10)
    const turns: number[] = []
    while (served.length < 100) {
      const before = served.length
      await turn()
      turns.push(served.length - before)
    }
    expect(Math.max(...turns)).toBeLessThan(10)
    // In the order that they came.
    expect(served).toEqual(Array.from({ length: 100 }, (_, index) => `${index}`))
  })

  it('leaves two thirds of the time to others as long as they have something to say, and takes all otherwise', async () => {
    const { peer, served, turn, pass } = createLoop()
    peer('flood', 0.5, 1e6).send(MUCH)
    const share = async (during: () => void) => {
      const before = served.length
      for (let turns = 0; turns < 100; turns++) {
        during()
        pass(0.1)
        await turn()
      }
      return served.slice(before).filter((name) => name === 'flood').length
    }
    expect(await share(() => {})).toBe(100)
    const honest = peer('honest', 0.01)
    pass(1000)
    expect(await share(() => honest.send(LITTLE, 1))).toBeLessThan(15)
  })

  it('asks nobody who has nothing', async () => {
    const { intake, turn } = createLoop()
    let asked = 0
    const flow = intake.flow(() => {
      asked++
      return false
    })
    flow.ready(MUCH)
    flow.ready(MUCH)
    await turn()
    await turn()
    expect(asked).toBe(1)
  })

  it('goes on with the others when handling fails', async () => {
    const { intake, peer, served, until } = createLoop()
    const failed = new Promise((resolve) => process.once('uncaughtException', resolve))
    intake
      .flow(() => {
        throw new Error('boom')
      })
      .ready(MUCH)
    peer('other', 0.1).send(MUCH)
    expect(await failed).toEqual(new Error('boom'))
    await until(1)
    expect(served).toEqual(['other'])
  })

  it('takes what comes while somebody is served in a turn of its own', async () => {
    const { intake, until, served } = createLoop()
    const inner = intake.flow(() => {
      expect(intake.serving).toBe(true)
      served.push('inner')
      return false
    })
    const outer = intake.flow(() => {
      inner.ready(LITTLE)
      served.push('outer')
      return false
    })
    outer.ready(LITTLE)
    expect(served).toEqual(['outer'])
    await until(2)
    expect(served).toEqual(['outer', 'inner'])
    expect(intake.serving).toBe(false)
  })
})
