import { createApp } from 'rookery'
import { expect, it } from 'vitest'
import { TransportHost } from '../../core/sessions/transport.ts'

const SESSIONS = 200

it.each([2_000, 0])(
  'a node that stops spreads the reconnects of its clients over reconnectSpread: %i ms',
  async (spread) => {
    const app = createApp({ logger: 'silent', allowAnonymous: true, reconnectSpread: spread })
    await app.start()
    const host = app.scope.get(TransportHost)
    const waits: number[] = []
    const wire = {
      buffered: 0,
      write: (frames: readonly { readonly message: object }[]) => {
        for (const { message } of frames) {
          if ('reconnectAfter' in message) waits.push(message.reconnectAfter as number)
        }
      },
      close: () => {},
      terminate: () => {},
    }
    const handshake = { transport: 'test', address: '', headers: {}, query: new URLSearchParams() }
    for (let left = SESSIONS; left > 0; left--) await host.open(handshake, wire)
    await app.stop()
    expect(waits).toHaveLength(SESSIONS)
    const quarters = new Set(waits.map((wait) => Math.floor((4 * wait) / (spread + 1))))
    expect([...quarters].sort()).toEqual(spread === 0 ? [0] : [0, 1, 2, 3])
  },
)
