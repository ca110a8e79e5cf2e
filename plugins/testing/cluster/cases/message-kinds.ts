import { expect } from 'vitest'
import type { ClusterMessage } from '../../../../core/cluster/cluster.ts'
import type { ClusterCase } from '../cluster-case.ts'

const REACHES_PLUGIN = 'A message with a kind MUST reach the plugin for that kind unchanged, and no session'

export const messageKinds: readonly ClusterCase[] = [
  {
    name: 'a message with a kind reaches the plugin for it on the other nodes, with its note, and no session',
    async run(context) {
      const nodes = await context.startTrio()
      const [a, b, c] = nodes
      const taken = nodes.map(({ app }) => {
        const messages: { readonly message: ClusterMessage; readonly from: string }[] = []
        app.cluster.onMessage('kept', (message, from) => void messages.push({ message, from }))
        return messages
      })
      const peers = await Promise.all([a, b, c].map((node) => node.open('rooms/*', 'plain')))
      await context.settle(...nodes)
      const message: ClusterMessage = {
        topics: ['rooms/1', 'rooms/2'],
        topic: 'rooms/1',
        payload: '{"text":"Grüße\\n","list":[null]}',
        except: `${a.id}-1`,
        kind: 'kept',
        note: { seq: 124, nested: [null, { epoch: 'é' }] },
      }
      a.app.cluster.publish(message)
      a.app.cluster.publish({ ...message, payload: undefined, note: null })
      for (const messages of taken.slice(1)) {
        await context.until(() => expect(messages, REACHES_PLUGIN).toHaveLength(2))
        expect(messages[0], REACHES_PLUGIN).toEqual({ message, from: a.id })
        expect(messages[1]?.message.payload, REACHES_PLUGIN).toBe(undefined)
        expect(messages[1]?.message.note, REACHES_PLUGIN).toBe(null)
      }
      await a.app.publish('plain', 'for sessions')
      for (const peer of peers) {
        await context.until(() => expect(peer.received(), REACHES_PLUGIN).toEqual(['for sessions']))
      }
      await context.settle(...nodes)
      expect(taken[0], 'The publishing node MUST NOT get its own message').toEqual([])
      expect(taken[1], REACHES_PLUGIN).toHaveLength(2)
    },
  },
  {
    name: 'a node ignores a message of an unknown kind',
    async run(context) {
      const [a, b] = await context.startPair()
      const peer = await b.open('rooms/*')
      await context.settle(a, b)
      const message = { topics: ['rooms/1'], topic: 'rooms/1', payload: '1', except: null }
      a.app.cluster.publish({ ...message, kind: 'unheard of' })
      a.app.cluster.publish({ ...message, payload: '"plain"', kind: null })
      await context.until(() => expect(peer.received(), REACHES_PLUGIN).toContain('plain'))
      expect(peer.received(), REACHES_PLUGIN).toEqual(['plain'])
    },
  },
]
