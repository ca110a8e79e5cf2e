import { RookeryError } from 'rookery'
import { expect, it } from 'vitest'
import { NameConflicts } from '../../../plugins/rooms/name-conflicts.ts'

const taken = new RookeryError('name_taken', 'taken')

it('a refused client may come back for as long as the session that has the name could be stale', () => {
  const conflicts = new NameConflicts(35_000)
  for (const now of [0, 5_000, 35_000]) {
    const { code, message, retryable, reconnectAfter } = conflicts.refuse('42/ada', taken, now)
    expect([code, message, retryable]).toEqual(['name_taken', 'taken', true])
    expect(reconnectAfter).toBeGreaterThanOrEqual(1_000)
    expect(reconnectAfter).toBeLessThanOrEqual(5_000)
  }
  const late = conflicts.refuse('42/ada', taken, 35_001)
  expect([late.retryable, late.reconnectAfter]).toEqual([false, undefined])
  expect(conflicts.refuse('7/ada', taken, 35_001).retryable).toBe(true)
})

it('a name that has had no conflict for that time has a new one: its session may be stale by now', () => {
  const conflicts = new NameConflicts(35_000)
  conflicts.refuse('42/ada', taken, 0)
  expect(conflicts.refuse('42/ada', taken, 36_000).retryable).toBe(true)
  expect(conflicts.refuse('42/ada', taken, 70_000).retryable).toBe(true)
  expect(conflicts.refuse('42/ada', taken, 72_000).retryable).toBe(false)
})
