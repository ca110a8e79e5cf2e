import { describe, expect, it } from 'vitest'
import { HEARTBEAT_INTERVAL_MS, LiveNodes, NODE_TIMEOUT_MS } from '../../../plugins/nats/live-nodes.ts'

describe('live nodes', () => {
  const start = () => {
    const changes: string[] = []
    const live = new LiveNodes((node, change) => changes.push(`${node} ${change}`))
    return { changes, live }
  }

  it('join with their first heartbeat only', () => {
    const { changes, live } = start()
    live.heartbeat('b', 0)
    live.heartbeat('b', 2000)
    expect(changes).toEqual(['b joined'])
    expect(live.nodes).toEqual(['b'])
  })

  it('leave after six seconds without a heartbeat, and not before', () => {
    const { changes, live } = start()
    live.heartbeat('b', 0)
    live.heartbeat('c', 1)
    for (const now of [0, 2000, 4000, 5999]) live.sweep(now)
    expect(changes).toEqual(['b joined', 'c joined'])
    live.sweep(NODE_TIMEOUT_MS)
    expect(changes.slice(2)).toEqual(['b left'])
    live.sweep(NODE_TIMEOUT_MS + 1)
    expect(live.nodes).toEqual([])
    live.heartbeat('b', 7000)
    expect(changes.at(-1)).toBe('b joined')
  })

  it('leave once', () => {
    const { changes, live } = start()
    live.leave('b')
    live.heartbeat('b', 0)
    live.leave('b')
    live.leave('b')
    expect(changes).toEqual(['b joined', 'b left'])
  })

  it('are reported as restored only while they are in the cluster', () => {
    const { changes, live } = start()
    live.restored('b')
    live.heartbeat('b', 0)
    live.restored('b')
    expect(changes).toEqual(['b joined', 'b restored'])
  })

  it('get the full time again after this process was suspended', () => {
    const { changes, live } = start()
    live.heartbeat('b', 0)
    live.sweep(0)
    live.sweep(60_000)
    expect(changes).toEqual(['b joined'])
    live.sweep(62_000)
    live.sweep(64_000)
    expect(changes).toEqual(['b joined'])
    live.sweep(66_000)
    expect(changes).toEqual(['b joined', 'b left'])
  })

  it('may miss at least two heartbeats', () => {
    expect(NODE_TIMEOUT_MS).toBeGreaterThanOrEqual(3 * HEARTBEAT_INTERVAL_MS)
  })
})
