import { describe, expect, it } from 'vitest'
import { ReplayWindow } from '../../../plugins/nats/replay-window.ts'

describe('the replay window', () => {
  it('recognises a repeated message by its node and id', () => {
    const window = new ReplayWindow()
    expect(window.isNew('a', '1')).toBe(true)
    expect(window.isNew('a', '1')).toBe(false)
    expect(window.isNew('b', '1')).toBe(true)
    expect(window.isNew('a', '2')).toBe(true)
    expect(window.isNew('a', '1')).toBe(false)
  })

  it('covers the last 8192 messages of a node, and takes older ids for new', () => {
    const window = new ReplayWindow()
    const wrong: number[] = []
    for (let id = 0; id < 50_000; id++) {
      if (!window.isNew('a', String(id))) wrong.push(id)
      if (id >= 8191 && window.isNew('a', String(id - 8191))) wrong.push(id)
    }
    expect(wrong).toEqual([])
    expect(window.isNew('a', '1')).toBe(true)
  })
})
