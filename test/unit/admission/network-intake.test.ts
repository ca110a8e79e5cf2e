import { describe, expect, it, vi } from 'vitest'
import { NetworkIntake } from '../../../core/admission/network-intake.ts'

/** Longer than the turns of a network have altogether in a turn of the event loop. */
const COST = 1

/** Connections that have so many pieces to be handled, and who was served. */
const createNetworks = () => {
  const intake = new NetworkIntake()
  const served: string[] = []
  const connect = (address: string, name: string, pieces: number) => {
    let left = pieces
    const flow = intake.flow(address, () => {
      served.push(name)
      const end = performance.now() + COST
      while (performance.now() < end);
      return --left > 0
    })
    return flow
  }
  const until = (count: number) =>
    vi.waitFor(() => expect(served.length).toBeGreaterThanOrEqual(count), { timeout: 8000, interval: 1 })
  return { connect, served, until }
}

describe('the intake of networks', () => {
  it('gives those with many connections no more than those with one', async () => {
    const { connect, served, until } = createNetworks()
    const many = Array.from({ length: 20 }, (_, index) => connect('10.0.0.1', `many${index}`, 5))
    for (const flow of many) flow.ready()
    connect('10.0.0.2', 'one', 5).ready()
    await until(15)
    expect(served.slice(0, 15).filter((name) => name === 'one')).toHaveLength(5)
    await until(105)
    expect(served).toHaveLength(105)
  })

  it('lets the connections of a network take turns', async () => {
    const { connect, served, until } = createNetworks()
    const names = ['a', 'b', 'c']
    const flows = names.map((name) => connect('10.0.0.1', name, 3))
    for (const flow of flows) flow.ready()
    await until(9)
    // The first was there alone, and was served at once; then it waited before the others.
    expect(served).toEqual(['a', 'a', 'b', 'c', 'a', 'b', 'c', 'b', 'c'])
  })

  it('serves one that says so again and again no more often', async () => {
    const { connect, served, until } = createNetworks()
    const pushy = connect('10.0.0.1', 'pushy', 2)
    const patient = connect('10.0.0.1', 'patient', 2)
    patient.ready()
    for (let count = 0; count < 10; count++) pushy.ready()
    await until(4)
    expect(served.filter((name) => name === 'pushy')).toHaveLength(2)
  })
})
