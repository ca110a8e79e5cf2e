import { describe, expect, it, vi } from 'vitest'
import { FuzzChild } from '../support/fuzz-child.ts'
import { FrameChecker } from '../support/fuzz-frame-checker.ts'
import type { HonestReport } from '../support/fuzz-honest.ts'
import { type Fuzzing, type Peer, socketioPeer, websocketPeer } from '../support/fuzz-peers.ts'
import type { FuzzReport } from '../support/fuzz-server.ts'
import { closeAgent, ssePeer } from '../support/fuzz-sse.ts'

/** Seed of the random choices. Timing depends on the machine. */
const SEED = Number(process.env.SEED ?? Date.now() % 1e9)

/** Bytes by which the heap may grow from the first half to the second: compiled code, caches, and noise. */
const MAX_HEAP_GROWTH_BYTES = 2 * 1024 * 1024

/** Milliseconds that the server may take to remove peers that have left. Only a fault takes longer. */
const SETTLE_LIMIT_MS = 60_000

/** Milliseconds for one test. On two idle cores a test takes 20 s. The limits above end it earlier if it hangs. */
const TEST_LIMIT_MS = 300_000

interface Plan {
  readonly raised: boolean
  readonly tokens: boolean
  /** Number of frames over each transport, in both halves together. */
  readonly frames: Readonly<Record<'websocket' | 'socketio' | 'sse', number>>
}

const PEERS: Readonly<Record<keyof Plan['frames'], readonly [peer: Peer, atATime: number]>> = {
  websocket: [websocketPeer, 24],
  socketio: [socketioPeer, 12],
  sse: [ssePeer, 16],
}

/** Runs peers of all transports concurrently until they have sent half of the planned frames. */
const half = async (fuzzing: Fuzzing, { frames }: Plan, which: number): Promise<Record<string, number>> => {
  const sent: Record<string, number> = {}
  const run = async (transport: keyof Plan['frames']) => {
    const [peer, atATime] = PEERS[transport]
    let number = which * 100_000
    sent[transport] = 0
    const work = async () => {
      while ((sent[transport] ?? 0) < frames[transport] / 2) {
        const more = await peer(fuzzing, number++)
        sent[transport] = (sent[transport] ?? 0) + more
      }
    }
    await Promise.all(Array.from({ length: atATime }, work))
    sent[`${transport} peers`] = number - which * 100_000
  }
  await Promise.all([run('websocket'), run('socketio'), run('sse')])
  closeAgent()
  return sent
}

const fuzz = async (plan: Plan) => {
  const honest = `honest${Math.random()}`
  const server = new FuzzChild('fuzz-server.ts')
  const url = await server.call<string>('start', { raised: plan.raised, tokens: plan.tokens, honest })
  const others = new FuzzChild('fuzz-honest.ts')
  await others.call('start', { url, honest })
  const checker = new FrameChecker()
  const fuzzing: Fuzzing = { url, seed: SEED, checker, unlimited: plan.raised }
  const before = await server.call<FuzzReport>('report')
  const usage = () => server.call<FuzzReport['usage']>('usage')
  const after: FuzzReport[] = []
  const sent = []
  for (let which = 0; which < 2; which++) {
    sent.push(await half(fuzzing, plan, which))
    await vi.waitFor(async () => expect(await usage()).toEqual(before.usage), {
      timeout: SETTLE_LIMIT_MS,
      interval: 50,
    })
    after.push(await server.call<FuzzReport>('report'))
  }
  const seen = await others.call<HonestReport>('finish')
  await vi.waitFor(
    async () => expect(await usage()).toEqual({ sessions: 0, patterns: 0, nodes: 0 }),
    SETTLE_LIMIT_MS,
  )
  const [first, last] = after as [FuzzReport, FuzzReport]
  console.log(
    `seed ${SEED}`,
    JSON.stringify({ sent, checkedFrames: checker.checkedFrames, refusals: last.refusals }),
    `heap ${[before, first, last].map(({ heap }) => (heap / 2 ** 20).toFixed(1)).join(' -> ')} MiB`,
    `honest ${JSON.stringify(seen)}`,
  )
  expect(last.uncaught).toEqual([])
  expect(last.errors).toEqual([])
  expect(checker.violations).toEqual([])
  expect(checker.internal.filter((id) => !last.hidden.includes(id))).toEqual([])
  expect({ lost: seen.lost, faults: seen.faults }).toEqual({ lost: 0, faults: [] })
  expect(last.heap - first.heap).toBeLessThan(MAX_HEAP_GROWTH_BYTES)
  await vi.waitFor(async () => {
    const { resources } = await server.call<FuzzReport>('report')
    expect(resources.TCPSocketWrap ?? 0).toBeLessThanOrEqual(before.resources.TCPSocketWrap ?? 0)
    expect(resources.Timeout ?? 0).toBeLessThanOrEqual((before.resources.Timeout ?? 0) + 2)
  }, SETTLE_LIMIT_MS)
  await server.call('stop')
  expect({ server: server.ended, honest: others.ended }).toEqual({ server: undefined, honest: undefined })
}

describe('100,000 invalid frames', { timeout: TEST_LIMIT_MS }, () => {
  it('affect only their senders, with rate limits out of reach', () =>
    fuzz({ raised: true, tokens: false, frames: { websocket: 50_000, socketio: 22_000, sse: 18_000 } }))

  it('affect only their senders, with default limits', () =>
    fuzz({ raised: false, tokens: false, frames: { websocket: 6000, socketio: 2000, sse: 2000 } }))

  it('affect only their senders, with tokens and authorization', () =>
    fuzz({ raised: true, tokens: true, frames: { websocket: 6000, socketio: 2000, sse: 2000 } }))
})
