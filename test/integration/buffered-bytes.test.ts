import { expect, it, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { connectBy, startThree, TRANSPORTS, until } from '../support/three-transports.ts'

it.each(TRANSPORTS)('maxBuffered counts bytes of UTF-8, over %s', async (transport) => {
  verifies('delivery.slow.bytes', 'delivery.slow.nothing-below-limit')
  const { app, url } = await startThree({
    limits: { maxBuffered: 100_000 },
    prepare: (app) => {
      app.sessions.onOpen((session, { query }) => {
        // Waits for `welcome`: 30 kB of 10,000 characters each.
        for (let count = 0; count < Number(query.get('count')); count++)
          session.send('a', '漢'.repeat(10_000))
      })
    },
  })
  const below = await connectBy(transport, url, { count: '3' })
  await until(below, (frame) => frame.type === undefined)
  await connectBy(transport, url, { count: '4' })
  await vi.waitFor(() => expect(app.refusals).toEqual({ slow_consumer: 1 }))
})
