import { createClient, sse } from 'rookery/client'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { useCluster } from '../support/cluster-harness.ts'
import type { NodeProcess } from '../support/cluster-process.ts'
import { Balancer, createChoices, open, refusal, resume } from './sse-support.ts'

/** Long enough for a node to notice a loss on a busy machine. */
const LONG = { timeout: 60_000, interval: 50 }

const at = ({ url }: NodeProcess): string => `${url}/api/v1/sse`

/** Starts two nodes in processes of their own. A session of the first one has used the second one. */
const start = async (name: string) => {
  const cluster = await useCluster(name, { count: 2 })
  const [owner, other] = cluster.nodes as [NodeProcess, NodeProcess]
  const { session } = await open(at(owner))
  const url = `${at(other)}/${session}`
  const body = { topic: 'whoami', payload: 'x'.repeat(20_000) }
  const post = () => refusal(url, 'POST', body)
  expect(await post()).toEqual([200, undefined])
  return { cluster, owner, other, session, post, url }
}

const outcomes = (answers: readonly unknown[]): Set<string> => new Set(answers.map(String))

describe('requests for a session of another node', () => {
  it('get coded answers while the owner hangs, until it counts as gone and when it is back', async () => {
    const { owner, other, session, post, url } = await start('a hung owner')
    const relayed = await resume(at(other), session, 1)
    await owner.signal('SIGSTOP')
    onTestFinished(() => void owner.signal('SIGCONT'))
    const stopped = Date.now()
    expect(relayed.ended).toBe(false)
    const flood = await Promise.all(Array.from({ length: 300 }, post))
    const allowed = ['504,node_unreachable', '429,rate_limited', '404,unknown_session']
    for (const outcome of outcomes(flood)) expect(allowed).toContain(outcome)
    await vi.waitFor(() => expect(other.noticed(owner.id, 'left', stopped)).toBeDefined(), LONG)
    await vi.waitFor(() => expect(relayed.ended).toBe(true), LONG)
    expect(await post()).toEqual([404, 'unknown_session'])
    expect(await refusal(url, 'DELETE')).toEqual([404, 'unknown_session'])
    expect(await refusal(`${at(other)}?session=${session}&received=1`)).toEqual([404, 'unknown_session'])
    await owner.signal('SIGCONT')
    await vi.waitFor(async () => expect(await post()).toEqual([200, undefined]), LONG)
    expect(other.entries()).toEqual([])
  })

  it('get coded answers while NATS hangs or is away, and are answered when it is back', async () => {
    const { cluster, post } = await start('NATS is away')
    const allowed = [
      '503,cluster_unavailable',
      '504,node_unreachable',
      '429,rate_limited',
      '404,unknown_session',
    ]
    const flood = async () => {
      const answers = await Promise.all(Array.from({ length: 100 }, post))
      for (const outcome of outcomes(answers)) expect(allowed).toContain(outcome)
      expect(outcomes(answers).size).toBeGreaterThan(0)
    }
    cluster.nats.pause()
    await flood()
    cluster.nats.resume()
    await vi.waitFor(async () => expect(await post()).toEqual([200, undefined]), LONG)
    await cluster.nats.kill()
    await vi.waitFor(async () => expect(await post()).toEqual([503, 'cluster_unavailable']), LONG)
    await flood()
    await cluster.nats.restart()
    await vi.waitFor(async () => expect(await post()).toEqual([200, undefined]), LONG)
  })

  it('end when the owner hangs: the client opens a session at another node', async () => {
    const cluster = await useCluster('a client of a hung owner', { count: 2 })
    const [owner, other] = cluster.nodes as [NodeProcess, NodeProcess]
    const balancer = await Balancer.listen([owner, other], createChoices('balancer'))
    balancer.targets = [owner.url]
    const client = createClient({ url: balancer.url, transports: [sse()] })
    onTestFinished(() => client.close())
    expect(await client.call<{ node: string }>('whoami', {})).toMatchObject({ node: owner.id })
    await owner.signal('SIGSTOP')
    onTestFinished(() => void owner.signal('SIGCONT'))
    balancer.targets = [other.url]
    const sent = client.call('whoami', {}).then(
      () => 'answered',
      ({ code }) => code,
    )
    expect(['disconnected', 'call_timeout', 'answered']).toContain(await sent)
    await vi.waitFor(
      async () => expect(await client.call<{ node: string }>('whoami', {})).toMatchObject({ node: other.id }),
      LONG,
    )
  })
})
