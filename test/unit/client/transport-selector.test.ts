import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { TransportSelector } from '../../../client/connection/transport-selector.ts'
import { MemoryTransport } from './support.ts'

const [first, second, third] = ['first', 'second', 'third'].map((name) => new MemoryTransport(name))
const all = [first!, second!, third!]
const HOUR_MS = 3_600_000

const selectorOf = (transports = all) => new TransportSelector(transports, 'example.com')

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** The part of a tab's storage that the client uses. */
const stubStorage = () => {
  const entries = new Map<string, string>()
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => entries.get(key) ?? null,
    setItem: (key: string, value: string) => void entries.set(key, value),
  })
  return entries
}

describe('a round', () => {
  test('tries every transport once, in order, before a wait', () => {
    const selector = selectorOf()
    expect(selector.transport.name).toBe('first')
    expect([selector.failed(), selector.transport.name]).toEqual([true, 'second'])
    expect([selector.failed(), selector.transport.name]).toEqual([true, 'third'])
    expect([selector.failed(), selector.transport.name]).toEqual([false, 'first'])
  })

  test('begins with the transport that worked last', () => {
    const selector = selectorOf()
    selector.failed()
    selector.welcomed(second!)
    expect([selector.lost(false), selector.transport.name]).toEqual([false, 'second'])
    expect([selector.failed(), selector.transport.name]).toEqual([true, 'third'])
    expect([selector.failed(), selector.transport.name]).toEqual([true, 'first'])
    expect([selector.failed(), selector.transport.name]).toEqual([false, 'second'])
  })

  test('limits an attempt to 2 s while another transport is left, and doubles the limit each round', () => {
    const selector = selectorOf([first!, second!])
    const limits = Array.from({ length: 8 }, () => {
      const limit = selector.limit(10_000)
      selector.failed()
      return limit
    })
    expect(limits).toEqual([2_000, 10_000, 4_000, 10_000, 8_000, 10_000, 10_000, 10_000])
    expect(selectorOf([first!]).limit(10_000)).toBe(10_000)
    expect(selectorOf().limit(500)).toBe(500)
  })
})

describe('short-lived connections', () => {
  test('lead to another transport after three in a row', () => {
    const selector = selectorOf([first!, second!])
    const lost = () => {
      selector.welcomed(first!)
      return selector.lost(true)
    }
    expect([lost(), lost()]).toEqual([false, false])
    expect(selector.transport.name).toBe('first')
    expect([lost(), selector.transport.name]).toEqual([true, 'second'])
    expect(selector.isUnstable(first!)).toBe(true)
  })

  test('are counted from zero after a longer connection', () => {
    const selector = selectorOf([first!, second!])
    for (const shortLived of [true, true, false, true, true]) {
      selector.welcomed(first!)
      expect(selector.lost(shortLived)).toBe(false)
    }
    expect([selector.transport.name, selector.isUnstable(first!)]).toEqual(['first', false])
  })

  test('of every transport lead to a wait', () => {
    const selector = selectorOf([first!, second!])
    const outcomes = [first!, first!, first!, second!, second!, second!].map((transport) => {
      selector.welcomed(transport)
      return selector.lost(true)
    })
    expect(outcomes).toEqual([false, false, true, false, false, false])
  })
})

describe('better transports', () => {
  test('are the ones before the one in use, in turn', () => {
    const selector = selectorOf()
    expect(selector.isBest).toBe(true)
    selector.welcomed(third!)
    expect(selector.isBest).toBe(false)
    expect([selector.better(), selector.better(), selector.better()]).toEqual([first, second, first])
  })
})

describe('the transport that worked', () => {
  test('is remembered over a reload, for an hour', () => {
    stubStorage()
    selectorOf().welcomed(second!)
    expect(selectorOf().transport.name).toBe('second')
    vi.advanceTimersByTime(HOUR_MS - 1)
    expect(selectorOf().transport.name).toBe('second')
    vi.advanceTimersByTime(1)
    expect(selectorOf().transport.name).toBe('first')
  })

  test('is remembered for each server separately', () => {
    stubStorage()
    selectorOf().welcomed(second!)
    expect(new TransportSelector(all, 'other.example').transport.name).toBe('first')
  })

  test('is forgotten when the first transport works', () => {
    stubStorage()
    selectorOf().welcomed(second!)
    selectorOf().welcomed(first!)
    expect(selectorOf().transport.name).toBe('first')
  })

  test.each([
    ['names a transport that is not in the list', '9999999999999 sse'],
    ['has another format', 'hello'],
    ['is empty', ''],
  ])('is ignored if the entry %s', (_what, entry) => {
    stubStorage().set('rookery:example.com', entry)
    expect(selectorOf().transport.name).toBe('first')
  })

  test('is remembered by the client itself where storage is forbidden', () => {
    vi.stubGlobal('sessionStorage', {
      getItem: () => {
        throw new Error('SecurityError')
      },
    })
    const selector = selectorOf()
    selector.welcomed(second!)
    selector.begin()
    expect(selector.transport.name).toBe('second')
    vi.advanceTimersByTime(HOUR_MS)
    selector.begin()
    expect(selector.transport.name).toBe('first')
  })
})
