import { expect } from 'vitest'
import type { TransportCase } from '../transport-case.ts'

export const subscriptions: readonly TransportCase[] = [
  {
    name: 'every message published after the reply to a subscription arrives',
    async run(context) {
      const server = await context.start()
      const peer = await server.openSession()
      for (let round = 0; round < 20; round++) {
        const { payload } = await peer.request({ type: 'subscribe', topics: [`round/${round}/*`, 'other'] })
        const requirement = 'The reply to a subscription MUST arrive as it was written'
        expect(payload, requirement).toEqual({ topics: [`round/${round}/*`, 'other'] })
        await server.app.publish(`round/${round}/message`, round)
      }
      for (let round = 0; round < 20; round++) {
        await peer.untilPayloads(
          `round/${round}/message`,
          [round],
          'Messages published after a subscription MUST arrive',
        )
      }
    },
  },
  {
    name: 'no message published after the reply to an unsubscription arrives',
    async run(context) {
      const server = await context.start()
      const peer = await server.openSession()
      await peer.subscribe('news/*', 'sport')
      await server.app.publish('news/today', 1)
      const { payload } = await peer.request({ type: 'unsubscribe', topics: ['news/*'] })
      const requirement = 'The reply to an unsubscription MUST arrive as it was written'
      expect(payload, requirement).toEqual({ topics: ['news/*'] })
      await server.app.publish('news/today', 2)
      await server.app.publish('sport', 3)
      await peer.untilPayloads('sport', [3], 'Other subscriptions MUST stay in effect')
      peer.expectPayloads('news/today', [1], 'An unsubscribe frame MUST reach the app')
    },
  },
]
