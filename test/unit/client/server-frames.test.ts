import { expect, it } from 'vitest'
import { isServerFrame } from '../../../client/transports/frames.ts'
import type { ServerFrame } from '../../../core/protocol/protocol.ts'

const welcome = { type: 'welcome', protocol: 1, session: 's' }

it.each<object>([
  welcome,
  { ...welcome, cursor: 'c' },
  { topic: 'a', payload: 1, cursor: 'c', replayed: true },
  { topic: 'a', kept: false },
  { type: 'ping' },
  { type: 'ping', cursor: 'c' },
  { type: 'replayed', recovered: true, cursor: 'c' },
  { type: 'replayed', id: 1, recovered: false, reason: 'unavailable' },
  { type: 'of a later version', cursor: 'c' },
])('%j is a frame of a server', (frame) => {
  expect(isServerFrame(frame as ServerFrame)).toBe(true)
})

it.each<object>([
  { ...welcome, cursor: 1 },
  { topic: 'a', cursor: null },
  { topic: 'a', cursor: { epoch: 'e', seq: 1 } },
  { type: 'ping', cursor: 1 },
  { type: 'replayed', cursor: 'c' },
  { type: 'replayed', recovered: 'yes' },
  { type: 'replayed', recovered: true, cursor: 1 },
])('%j is none', (frame) => {
  expect(isServerFrame(frame as ServerFrame)).toBe(false)
})
