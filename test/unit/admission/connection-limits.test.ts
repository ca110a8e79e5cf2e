import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Door, type Place } from '../../../core/admission/connection-limits.ts'
import { networkOf } from '../../../core/admission/network.ts'
import { readAppOptions } from '../../../core/app-options.ts'

const open = (limits: Parameters<typeof readAppOptions>[0]['limits'] = {}) =>
  new Door(readAppOptions({ limits }).limits)

const codeOf = (act: () => unknown): string | undefined => {
  try {
    act()
  } catch (error) {
    return (error as { code: string }).code
  }
  return undefined
}

const enterMany = (door: Door, count: number, address: (index: number) => string): Place[] =>
  Array.from({ length: count }, (_, index) => door.enter(address(index)))

/** From here on time passes when told to. */
const stopClock = () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
}

describe('the door', () => {
  it('keeps to the connections in total, and gives a place back once', () => {
    const door = open({ maxConnections: 2 })
    const [first] = enterMany(door, 2, (index) => `10.0.0.${index}`) as [Place]
    expect(codeOf(() => door.enter('10.0.0.9'))).toBe('too_many_connections')
    first.left()
    first.left()
    first.welcomed()
    door.enter('10.0.0.9')
    expect(codeOf(() => door.enter('10.0.0.8'))).toBe('too_many_connections')
  })

  it('keeps to those of one address, and of an IPv6 network of 64 bits', () => {
    const door = open({ maxConnectionsPerAddress: 2 })
    const [first] = enterMany(door, 2, () => '10.0.0.1') as [Place]
    expect(codeOf(() => door.enter('10.0.0.1'))).toBe('too_many_connections')
    expect(codeOf(() => door.enter('::ffff:10.0.0.1'))).toBe('too_many_connections')
    first.left()
    door.enter('10.0.0.1')
    enterMany(door, 2, (index) => `2001:db8::${index + 1}`)
    expect(codeOf(() => door.enter('2001:db8:0:0:ffff::1'))).toBe('too_many_connections')
    door.enter('2001:db8:0:1::1')
  })

  it('keeps to those of one user', () => {
    const door = open({ maxConnectionsPerUser: 1 })
    const leave = door.admit('ada')
    expect(codeOf(() => door.admit('ada'))).toBe('too_many_connections')
    door.admit('bob')
    leave()
    leave()
    door.admit('ada')
    expect(codeOf(() => door.admit('ada'))).toBe('too_many_connections')
  })

  it('keeps to the handshakes at a time, until they are welcomed or leave', () => {
    const door = open({ maxHandshakes: 2 })
    const [first, second] = enterMany(door, 2, () => '::1') as [Place, Place]
    expect(codeOf(() => door.enter('::1'))).toBe('too_many_connections')
    first.welcomed()
    first.left()
    second.left()
    enterMany(door, 2, () => '::1')
    expect(codeOf(() => door.enter('::1'))).toBe('too_many_connections')
  })

  it('has those who say nothing for a second make room, the longest first, and nobody else', () => {
    stopClock()
    const door = open({ maxHandshakes: 2 })
    const refused: string[] = []
    const wait = (name: string) => {
      const place = door.enter('::1')
      place.idle(({ code }) => {
        refused.push(`${name} ${code}`)
        place.left()
      })
      return place
    }
    const first = wait('first')
    wait('second')
    vi.advanceTimersByTime(999)
    expect(codeOf(() => door.enter('::1'))).toBe('too_many_connections')
    vi.advanceTimersByTime(1)
    wait('third')
    expect(refused).toEqual(['first too_many_connections'])
    first.left()
    const last = wait('fourth')
    expect(refused).toEqual(['first too_many_connections', 'second too_many_connections'])
    last.busy()
    vi.advanceTimersByTime(5000)
    door.enter('::1')
    expect(refused.at(-1)).toBe('third too_many_connections')
    expect(codeOf(() => door.enter('::1'))).toBe('too_many_connections')
  })

  it('keeps to the handshakes a second of one address, and asks nothing of others', () => {
    stopClock()
    const door = open({ handshakeRate: 2, handshakeBurst: 3 })
    for (const place of enterMany(door, 3, () => '10.0.0.1')) place.left()
    for (let tries = 0; tries < 100; tries++)
      expect(codeOf(() => door.enter('10.0.0.1'))).toBe('rate_limited')
    door.enter('10.0.0.2').left()
    vi.advanceTimersByTime(500)
    door.enter('10.0.0.1').left()
    expect(codeOf(() => door.enter('10.0.0.1'))).toBe('rate_limited')
  })

  it('remembers no more addresses than it can bear, at the same price for each', () => {
    const door = open({ handshakeRate: 1, handshakeBurst: 1 })
    const address = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`
    const time = (from: number) => {
      const before = performance.now()
      for (let index = from; index < from + 20_000; index++) door.enter(address(index)).left()
      return performance.now() - before
    }
    time(0)
    // Looking through all of them for each would take a thousand times as long.
    expect(time(100_000)).toBeLessThan(2000)
    expect(codeOf(() => door.enter(address(119_999)))).toBe('rate_limited')
    expect(codeOf(() => door.enter(address(100_000)))).toBeUndefined()
  })
})

describe('handshakes', () => {
  it('begin at once as long as there are few, whoever waits', () => {
    stopClock()
    const door = open()
    const begun: string[] = []
    for (const name of ['a', 'b', 'c']) door.queue('10.0.0.1', () => begun.push(name))
    expect(begun).toEqual(['a', 'b', 'c'])
  })

  it('of one network come in turn, and do not keep those of another waiting', async () => {
    stopClock()
    const door = open()
    const begun: string[] = []
    const begin = (network: number, name: string) =>
      door.queue(`10.0.0.${network}`, () => {
        begun.push(name)
        vi.advanceTimersByTime(1)
      })
    for (let count = 0; count < 20; count++) begin(1, `many ${count}`)
    expect(begun).toEqual(['many 0'])
    begin(2, 'another')
    for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve))
    expect(begun).toContain('another')
    expect(begun.length).toBeLessThan(10)
    while (begun.length < 21) {
      vi.advanceTimersByTime(10)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(begun.filter((name) => name !== 'another')).toEqual(
      Array.from({ length: 20 }, (_, index) => `many ${index}`),
    )
  })
})

describe('the network of an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:DB8:01:0002::', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['1::', '1:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['', ''],
    ['nonsense', 'nonsense'],
    [':::::::::', expect.any(String)],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toEqual(network)
  })
})
