import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { ConnectionLimits, type Slot } from '../../../core/admission/connection-limits.ts'
import { networkOf } from '../../../core/admission/network.ts'
import { readAppOptions } from '../../../core/app/app-settings.ts'

const open = (limits: Parameters<typeof readAppOptions>[0]['limits'] = {}) =>
  new ConnectionLimits(readAppOptions({ limits }).limits)

const codeOf = (act: () => unknown): string | undefined => {
  try {
    act()
  } catch (error) {
    return (error as { code: string }).code
  }
  return undefined
}

const enterMany = (limits: ConnectionLimits, count: number, address: (index: number) => string): Slot[] =>
  Array.from({ length: count }, (_, index) => limits.enter(address(index)))

/** Stops the clock, so that only the test moves it. */
const stopClock = () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
}

describe('connection limits', () => {
  it('apply in total, and count the end of a connection once', () => {
    const limits = open({ maxConnections: 2 })
    const [first] = enterMany(limits, 2, (index) => `10.0.0.${index}`) as [Slot]
    expect(codeOf(() => limits.enter('10.0.0.9'))).toBe('too_many_connections')
    first.left()
    first.left()
    first.welcomed()
    limits.enter('10.0.0.9')
    expect(codeOf(() => limits.enter('10.0.0.8'))).toBe('too_many_connections')
  })

  it('apply to an address, and to an IPv6 network of 64 bits', () => {
    const limits = open({ maxConnectionsPerAddress: 2 })
    const [first] = enterMany(limits, 2, () => '10.0.0.1') as [Slot]
    expect(codeOf(() => limits.enter('10.0.0.1'))).toBe('too_many_connections')
    expect(codeOf(() => limits.enter('::ffff:10.0.0.1'))).toBe('too_many_connections')
    first.left()
    limits.enter('10.0.0.1')
    enterMany(limits, 2, (index) => `2001:db8::${index + 1}`)
    expect(codeOf(() => limits.enter('2001:db8:0:0:ffff::1'))).toBe('too_many_connections')
    limits.enter('2001:db8:0:1::1')
  })

  it('apply to a user', () => {
    const limits = open({ maxConnectionsPerUser: 1 })
    const leave = limits.admit('ada')
    expect(codeOf(() => limits.admit('ada'))).toBe('too_many_connections')
    limits.admit('bob')
    leave()
    leave()
    limits.admit('ada')
    expect(codeOf(() => limits.admit('ada'))).toBe('too_many_connections')
  })

  it('apply to concurrent handshakes, until they are welcomed or end', () => {
    const limits = open({ maxHandshakes: 2 })
    const [first, second] = enterMany(limits, 2, () => '::1') as [Slot, Slot]
    expect(codeOf(() => limits.enter('::1'))).toBe('too_many_connections')
    first.welcomed()
    first.left()
    second.left()
    enterMany(limits, 2, () => '::1')
    expect(codeOf(() => limits.enter('::1'))).toBe('too_many_connections')
  })

  it('make room by refusing the handshake that has been silent longest, if for at least a second', () => {
    stopClock()
    const limits = open({ maxHandshakes: 2 })
    const refused: string[] = []
    const wait = (name: string) => {
      const place = limits.enter('::1')
      place.idle(({ code }) => {
        refused.push(`${name} ${code}`)
        place.left()
      })
      return place
    }
    const first = wait('first')
    wait('second')
    vi.advanceTimersByTime(999)
    expect(codeOf(() => limits.enter('::1'))).toBe('too_many_connections')
    vi.advanceTimersByTime(1)
    wait('third')
    expect(refused).toEqual(['first too_many_connections'])
    first.left()
    const last = wait('fourth')
    expect(refused).toEqual(['first too_many_connections', 'second too_many_connections'])
    last.busy()
    vi.advanceTimersByTime(5000)
    limits.enter('::1')
    expect(refused.at(-1)).toBe('third too_many_connections')
    expect(codeOf(() => limits.enter('::1'))).toBe('too_many_connections')
  })

  it('limit the handshakes per second of each address separately', () => {
    stopClock()
    const limits = open({ handshakeRate: 2, handshakeBurst: 3 })
    for (const place of enterMany(limits, 3, () => '10.0.0.1')) place.left()
    for (let tries = 0; tries < 100; tries++)
      expect(codeOf(() => limits.enter('10.0.0.1'))).toBe('rate_limited')
    limits.enter('10.0.0.2').left()
    vi.advanceTimersByTime(500)
    limits.enter('10.0.0.1').left()
    expect(codeOf(() => limits.enter('10.0.0.1'))).toBe('rate_limited')
  })

  it('remember a bounded number of addresses, at constant cost per address', () => {
    const limits = open({ handshakeRate: 1, handshakeBurst: 1 })
    const address = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`
    const time = (from: number) => {
      const before = performance.now()
      for (let index = from; index < from + 20_000; index++) limits.enter(address(index)).left()
      return performance.now() - before
    }
    time(0)
    // Looking through all of them for each would take a thousand times as long.
    expect(time(100_000)).toBeLessThan(2000)
    expect(codeOf(() => limits.enter(address(119_999)))).toBe('rate_limited')
    expect(codeOf(() => limits.enter(address(100_000)))).toBeUndefined()
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
