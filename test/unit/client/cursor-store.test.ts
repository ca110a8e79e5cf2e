import { afterEach, describe, expect, test, vi } from 'vitest'
import { CursorStore } from '../../../client/messages/cursor-store.ts'
import { useFakeClock } from './support.ts'

useFakeClock()

afterEach(() => vi.unstubAllGlobals())

const storageOf = (entries: Record<string, string> = {}) => {
  const writes: string[] = []
  return {
    writes,
    getItem: (key: string) => entries[key] ?? null,
    setItem: (key: string, value: string) => void writes.push(`${key}=${value}`),
  }
}

describe('the store of a cursor', () => {
  test('begins with the given cursor, or with the one in the storage', () => {
    const storage = storageOf({ 'rookery.cursor': 'a', mine: 'b' })
    expect(new CursorStore(undefined, storage).initial).toBe('a')
    expect(new CursorStore(null, storage, 'mine').initial).toBe('b')
    expect(new CursorStore('c', storage).initial).toBe('c')
    expect(new CursorStore(undefined, storageOf()).initial).toBeNull()
    expect(new CursorStore(undefined, undefined).initial).toBeNull()
  })

  test('writes the last cursor at most once a second, and at once when it is told to', () => {
    const storage = storageOf()
    const store = new CursorStore(undefined, storage, 'k')
    for (let number = 0; number < 30; number++) {
      store.changed(`c${number}`)
      vi.advanceTimersByTime(100)
    }
    expect(storage.writes).toEqual(['k=c9', 'k=c19', 'k=c29'])
    store.save()
    store.changed('last')
    store.save()
    store.save()
    expect([storage.writes.slice(3), vi.getTimerCount()]).toEqual([['k=last'], 0])
  })

  test('writes when the page is hidden', () => {
    const document = Object.assign(new EventTarget(), { visibilityState: 'visible' })
    vi.stubGlobal('document', document)
    const storage = storageOf()
    const store = new CursorStore(undefined, storage, 'k')
    store.changed('c')
    document.dispatchEvent(new Event('visibilitychange'))
    expect(storage.writes).toEqual([])
    document.visibilityState = 'hidden'
    document.dispatchEvent(new Event('visibilitychange'))
    document.dispatchEvent(new Event('visibilitychange'))
    expect([storage.writes, vi.getTimerCount()]).toEqual([['k=c'], 0])
  })

  test('does without a storage that the page may not use', () => {
    const refuse = () => {
      throw new DOMException('denied', 'SecurityError')
    }
    const store = new CursorStore(undefined, { getItem: refuse, setItem: refuse })
    store.changed('c')
    store.save()
    expect(store.initial).toBeNull()
  })

  test.each<[string, unknown[]]>([
    ['cursor', [5]],
    ['cursor', ['']],
    ['cursorStorage', [undefined, {}]],
    ['cursorStorage', [undefined, null]],
    ['cursorKey', [undefined, storageOf(), 5]],
  ])('refuses a wrong %s', (name, args) => {
    const create = () => new CursorStore(...(args as ConstructorParameters<typeof CursorStore>))
    expect(create).toThrow(`Option '${name}'`)
  })
})
