import { describe, expect, it } from 'vitest'
import type { ManagedConnection } from '../../../plugins/nats/managed-connection.ts'
import { NodeChannel } from '../../../plugins/nats/node-channel.ts'
import { recordingLogger } from '../../support/app.ts'

const start = () => {
  const published: string[] = []
  const publish = (subject: string) => published.push(subject) > 0
  const logger = recordingLogger()
  const connection = { connected: true, maxPayload: 500, publish } as unknown as ManagedConnection
  return { channel: new NodeChannel('a', connection, logger), published, lines: logger.lines }
}

describe('a message that is larger than NATS takes', () => {
  it('is not sent, and is logged with its kind and its size', () => {
    const { channel, published, lines } = start()
    expect(channel.send(['nodes'], { kind: 'here' }, 'x'.repeat(1000))).toBe(false)
    expect(channel.send(['t'], undefined, 'é'.repeat(400))).toBe(false)
    expect(published).toEqual([])
    expect(lines.map(({ err }) => (err as Error).message)).toEqual([
      expect.stringMatching(/^A message of kind 'here' has 10\d\d bytes, and NATS takes 500$/),
      expect.stringMatching(/^A message has 8\d\d bytes, and NATS takes 500$/),
    ])
  })

  it('is logged once for a kind, until a message of the kind is sent again', () => {
    const { channel, published, lines } = start()
    const send = (length: number) => channel.send(['nodes'], { kind: 'here' }, 'x'.repeat(length))
    for (let n = 0; n < 5; n++) send(1000)
    expect(lines).toHaveLength(1)
    send(10)
    send(1000)
    expect([published.length, lines.length]).toEqual([1, 2])
    for (let n = 0; n < 500; n++) channel.send(['t'], { kind: `kind ${n}` }, 'x'.repeat(1000))
    expect(lines).toHaveLength(502)
  })
})
