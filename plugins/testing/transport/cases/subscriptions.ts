import { expect } from 'vitest'
import type { Case } from '../transport-case.ts'

export const subscriptions: readonly Case[] = [
  {
    name: 'from the reply to a subscription on, everything published arrives',
    async run(trial) {
      const server = await trial.start()
      const peer = await server.join()
      for (let round = 0; round < 20; round++) {
        const { payload } = await peer.ask({ type: 'subscribe', topics: [`round/${round}/*`, 'other'] })
        const demand = 'The reply to a subscription MUST arrive as it was written'
        expect(payload, demand).toEqual({ topics: [`round/${round}/*`, 'other'] })
        await server.app.publish(`round/${round}/message`, round)
      }
      for (let round = 0; round < 20; round++) {
        await peer.untilOn(
          `round/${round}/message`,
          [round],
          'What is published after a subscription MUST arrive',
        )
      }
    },
  },
  {
    name: 'from the reply to the end of a subscription on, nothing more of it arrives',
    async run(trial) {
      const server = await trial.start()
      const peer = await server.join()
      await peer.subscribe('news/*', 'sport')
      await server.app.publish('news/today', 1)
      const { payload } = await peer.ask({ type: 'unsubscribe', topics: ['news/*'] })
      const demand = 'The reply to the end of a subscription MUST arrive as it was written'
      expect(payload, demand).toEqual({ topics: ['news/*'] })
      await server.app.publish('news/today', 2)
      await server.app.publish('sport', 3)
      await peer.untilOn('sport', [3], 'Other subscriptions MUST hold')
      peer.expectOn('news/today', [1], 'A frame unsubscribe MUST reach the app')
    },
  },
]
