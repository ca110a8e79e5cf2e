import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Route } from '../../../client/connection/transport-selector.ts'
import { MemoryTransport } from './support.ts'

const [first, second, third] = ['first', 'second', 'third'].map((name) => new MemoryTransport(name))
const all = [first!, second!, third!]
const HOUR = 3_600_000

const routeOf = (transports = all) => new Route(transports, 'example.com')

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** Storage of a tab, as far as it is used. */
const stubStorage = () => {
  const entries = new Map<string, string>()
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => entries.get(key) ?? null,
    setItem: (key: string, value: string) => void entries.set(key, value),
  })
  return entries
}

describe('a round', () => {
  test('tries every transport once, in order, and then there is a wait', () => {
    const route = routeOf()
    expect(route.transport.name).toBe('first')
    expect([route.failed(), route.transport.name]).toEqual([true, 'second'])
    expect([route.failed(), route.transport.name]).toEqual([true, 'third'])
    expect([route.failed(), route.transport.name]).toEqual([false, 'first'])
  })

  test('begins with what worked last', () => {
    const route = routeOf()
    route.failed()
    route.welcomed(second!)
    expect([route.lost(false), route.transport.name]).toEqual([false, 'second'])
    expect([route.failed(), route.transport.name]).toEqual([true, 'third'])
    expect([route.failed(), route.transport.name]).toEqual([true, 'first'])
    expect([route.failed(), route.transport.name]).toEqual([false, 'second'])
  })

  test('is impatient as long as another transport may work, and less so each time', () => {
    const route = routeOf([first!, second!])
    const limits = Array.from({ length: 8 }, () => {
      const limit = route.limit(10_000)
      route.failed()
      return limit
    })
    expect(limits).toEqual([2_000, 10_000, 4_000, 10_000, 8_000, 10_000, 10_000, 10_000])
    expect(routeOf([first!]).limit(10_000)).toBe(10_000)
    expect(routeOf().limit(500)).toBe(500)
  })
})

describe('useless connections', () => {
  test('three in a row make another transport be tried', () => {
    const route = routeOf([first!, second!])
    const lost = () => {
      route.welcomed(first!)
      return route.lost(true)
    }
    expect([lost(), lost()]).toEqual([false, false])
    expect(route.transport.name).toBe('first')
    expect([lost(), route.transport.name]).toEqual([true, 'second'])
    expect(route.isSuspect(first!)).toBe(true)
  })

  test('count anew after one of use', () => {
    const route = routeOf([first!, second!])
    for (const useless of [true, true, false, true, true]) {
      route.welcomed(first!)
      expect(route.lost(useless)).toBe(false)
    }
    expect([route.transport.name, route.isSuspect(first!)]).toEqual(['first', false])
  })

  test('of every transport lead to a wait', () => {
    const route = routeOf([first!, second!])
    const outcomes = [first!, first!, first!, second!, second!, second!].map((transport) => {
      route.welcomed(transport)
      return route.lost(true)
    })
    expect(outcomes).toEqual([false, false, true, false, false, false])
  })
})

describe('better transports', () => {
  test('are those before the one in use, in turn', () => {
    const route = routeOf()
    expect(route.isBest).toBe(true)
    route.welcomed(third!)
    expect(route.isBest).toBe(false)
    expect([route.better(), route.better(), route.better()]).toEqual([first, second, first])
  })
})

describe('what worked', () => {
  test('is known after a reload, for an hour', () => {
    stubStorage()
    routeOf().welcomed(second!)
    expect(routeOf().transport.name).toBe('second')
    vi.advanceTimersByTime(HOUR - 1)
    expect(routeOf().transport.name).toBe('second')
    vi.advanceTimersByTime(1)
    expect(routeOf().transport.name).toBe('first')
  })

  test('is known for each server by itself', () => {
    stubStorage()
    routeOf().welcomed(second!)
    expect(new Route(all, 'other.example').transport.name).toBe('first')
  })

  test('is forgotten when the best works', () => {
    stubStorage()
    routeOf().welcomed(second!)
    routeOf().welcomed(first!)
    expect(routeOf().transport.name).toBe('first')
  })

  test.each([
    ['another list does not have', '9999999999999 sse'],
    ['makes no sense', 'hello'],
    ['is empty', ''],
  ])('means nothing if it %s', (_what, entry) => {
    stubStorage().set('rookery:example.com', entry)
    expect(routeOf().transport.name).toBe('first')
  })

  test('is known to the client itself where storage is forbidden', () => {
    vi.stubGlobal('sessionStorage', {
      getItem: () => {
        throw new Error('SecurityError')
      },
    })
    const route = routeOf()
    route.welcomed(second!)
    route.begin()
    expect(route.transport.name).toBe('second')
    vi.advanceTimersByTime(HOUR)
    route.begin()
    expect(route.transport.name).toBe('first')
  })
})
