import { type Answers, Cluster, createApp, definePlugin } from 'rookery'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createInProcessCluster } from '../../../core/cluster/in-process.ts'
import { verifies } from '../../requirements.ts'

/** Starts an app whose other nodes answer with the result of `ask`. */
const startWith = async (ask: () => Promise<Answers>) => {
  const backend = { ...createInProcessCluster(), ask }
  const cluster = definePlugin({
    name: 'answers',
    setup: (scope) => scope.provide(Cluster, () => backend),
  })
  const app = createApp({ logger: 'silent', plugins: [cluster] })
  await app.start()
  onTestFinished(() => app.stop())
  return app
}

describe('a send to a user of another node', () => {
  it.each<[string, Answers, unknown]>([
    [
      'counts the sessions that other nodes reach',
      {
        items: [
          { node: 'b', value: 2 },
          { node: 'c', value: 1 },
        ],
        missing: [],
      },
      3,
    ],
    ['counts them even if a node does not answer', { items: [{ node: 'b', value: 2 }], missing: ['c'] }, 2],
    [
      'rejects with not_connected if no session is reached',
      { items: [{ node: 'b', value: 0 }], missing: [] },
      'not_connected',
    ],
    [
      'rejects with node_unreachable if a node does not answer',
      { items: [], missing: ['b'] },
      'node_unreachable',
    ],
  ])('%s', async (_what, answers, expected) => {
    verifies('delivery.send.node-unreachable', 'delivery.send.partial')
    const app = await startWith(async () => answers)
    const sent = app.send({ user: 'ada' }, 'inbox', 1).then(({ sessions }) => sessions)
    expect(await sent.catch((error) => error.code)).toBe(expected)
  })
})
