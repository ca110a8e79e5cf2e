import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { ForwardingLimits } from '../../../plugins/sse/forwarding-limits.ts'

const MIB = 1024 * 1024

/** Stops the clock, so that only the test moves it. */
const stopClock = () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
}

const start = ({ byteRate = MIB, byteBurst = 4 * MIB } = {}) => {
  stopClock()
  const limits = new ForwardingLimits({ byteRate, byteBurst })
  return {
    /** Forwards a request that is answered at once. Resolves with the code of a refusal. */
    forward: (session: string, bytes = 0, owner = 'owner') =>
      limits.forward(owner, session, bytes, async () => 'answered').catch(({ code }) => code),
    /** Forwards a request that waits until the test answers it, or lets it fail. */
    wait: (session: string, bytes: number, owner = 'owner') => {
      let settle: { readonly answer: () => void; readonly fail: () => void } | undefined
      const act = () =>
        new Promise<string>((resolve, reject) => {
          settle = { answer: () => resolve('answered'), fail: () => reject({ code: 'failed' }) }
        })
      const result = limits.forward(owner, session, bytes, act).catch(({ code }) => code)
      return { result, ...settle }
    },
  }
}

describe('the requests of a session', () => {
  it('are forwarded at a limited rate, and each session has its own', async () => {
    const { forward } = start()
    const flood = async () => {
      const answers = []
      for (let n = 0; n < 500; n++) answers.push(await forward('one'))
      return answers.filter((answer) => answer === 'answered').length
    }
    expect(await flood()).toBe(200)
    expect(await forward('one')).toBe('rate_limited')
    expect(await forward('two')).toBe('answered')
    vi.advanceTimersByTime(1000)
    expect(await flood()).toBe(100)
  })

  it('have the byte rate of a session', async () => {
    const { forward } = start({ byteRate: 1000, byteBurst: 64_000 })
    expect(await forward('one', 60_000)).toBe('answered')
    expect(await forward('one', 60_000)).toBe('rate_limited')
    expect(await forward('one', 4000)).toBe('answered')
    vi.advanceTimersByTime(10_000)
    expect(await forward('one', 10_000)).toBe('answered')
    expect(await forward('one', 1)).toBe('rate_limited')
  })
})

describe('the requests that wait for one node', () => {
  it('take a limited number of bytes, and do not hold up requests to other nodes', async () => {
    const { forward, wait } = start()
    const waiting = Array.from({ length: 7 }, (_, n) => wait(`${n}`, MIB))
    expect(await forward('more', MIB)).toBe('node_unreachable')
    expect(await forward('more', 1000)).toBe('answered')
    expect(await forward('more', MIB, 'another')).toBe('answered')
    waiting[0]?.answer?.()
    waiting[1]?.fail?.()
    expect(await Promise.all([waiting[0]?.result, waiting[1]?.result])).toEqual(['answered', 'failed'])
    expect(await forward('more', MIB)).toBe('answered')
  })

  it('take a limited number of bytes even if they have no body', async () => {
    const { forward, wait } = start()
    for (let n = 0; n < 2048; n++) wait(`${n}`, 0)
    expect(await forward('more')).toBe('node_unreachable')
    expect(await forward('more', 0, 'another')).toBe('answered')
  })

  it('may be one request that is larger than the limit', async () => {
    const { forward } = start({ byteBurst: 20 * MIB })
    expect(await forward('one', 10 * MIB)).toBe('answered')
  })
})
