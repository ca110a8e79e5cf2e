import { expect } from 'vitest'
import type { TransportCase } from '../transport-case.ts'

export const subscriptions: readonly TransportCase[] = [
  {
    name: 'from the reply to a subscription on, everything published arrives',
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
          'What is published after a subscription MUST arrive',
        )
      }
    },
  },
  {
    name: 'from the reply to the end of a subscription on, nothing more of it arrives',
    async run(context) {
      const server = await context.start()
      const peer = await server.openSession()
      await peer.subscribe('news/*', 'sport')
      await server.app.publish('news/today', 1)
      const { payload } = await peer.request({ type: 'unsubscribe', topics: ['news/*'] })
      const requirement = 'The reply to the end of a subscription MUST arrive as it was written'
      expect(payload, requirement).toEqual({ topics: ['news/*'] })
      await server.app.publish('news/today', 2)
      await server.app.publish('sport', 3)
      await peer.untilPayloads('sport', [3], 'Other subscriptions MUST hold')
      peer.expectPayloads('news/today', [1], 'A frame unsubscribe MUST reach the app')
    },
  },
]
