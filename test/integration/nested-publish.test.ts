import type { App, ServerFrame } from 'rookery'
import { MemoryCluster } from 'rookery/testing'
import type { Peer } from 'rookery/testing/conformance'
import { describe, expect, it, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { ask, startThree, TRANSPORTS, welcomeBy } from '../support/three-transports.ts'

const payloads = (peer: Peer) =>
  peer.frames.flatMap((frame: ServerFrame) => (frame.type === undefined ? [frame.payload] : []))

/** A room with the victims: they close when the third message reaches them, and their close hooks publish and send. */
const prepare = (app: App): void => {
  app.sessions.addAuthorizer({
    authorize: (session, _action, topic) => {
      if (topic === 'news/3' && session.user?.name.startsWith('victim')) session.close()
      return true
    },
    authorizePattern: () => 'each',
  })
  app.sessions.onAuthenticate(({ query }) => ({ id: query.get('name') ?? '', name: query.get('name') ?? '' }))
  app.sessions.onClose(async ({ user }) => {
    if (!user?.name.startsWith('victim')) return
    const payload = { name: user.name }
    void app.publish('news/left', payload)
    // What is published is as it was at that time.
    payload.name = 'changed'
    await app.send({ user: 'reader 3' }, 'news/sent', `sent for ${user.name}`)
  })
}

describe.each(TRANSPORTS)('messages that close hooks publish inside a delivery, over %s,', (transport) => {
  it('arrive after it, once, at sessions, listeners and other nodes', async () => {
    verifies('delivery.order.nested', 'delivery.published.once', 'delivery.published.snapshot')
    const cluster = new MemoryCluster()
    const [a, b] = [
      await startThree({ prepare, plugins: [cluster.plugin()] }),
      await startThree({ prepare, plugins: [cluster.plugin()] }),
    ]
    const heard: unknown[] = []
    a.app.bus.subscribe('news/*', ({ payload }) => heard.push(payload))
    const connect = async (url: string, name: string) => {
      const peer = await welcomeBy(transport, url, { name })
      await ask(peer, { type: 'subscribe', topics: ['news/*', '*', '*/3'] })
      return peer
    }
    const readers: Peer[] = []
    for (const name of ['reader 0', 'victim 0', 'reader 1', 'victim 1', 'reader 2', 'reader 3']) {
      const peer = await connect(a.url, name)
      if (name.startsWith('reader')) readers.push(peer)
    }
    const remote = await connect(b.url, 'reader 4')
    for (const number of [1, 2, 3, 4]) {
      void a.app.publish({ topics: [`news/${number}`, 'news/all'], payload: number })
    }
    const left = [{ name: 'victim 0' }, { name: 'victim 1' }]
    const published = [1, 2, 3, ...left, 4]
    const sent = ['sent for victim 0', 'sent for victim 1']
    await vi.waitFor(() => {
      expect(payloads(readers[3] as Peer)).toHaveLength(published.length + sent.length)
      for (const peer of [...readers.slice(0, 3), remote])
        expect(payloads(peer)).toHaveLength(published.length)
      expect(heard).toHaveLength(published.length)
    })
    for (const peer of [...readers.slice(0, 3), remote]) expect(payloads(peer)).toEqual(published)
    expect(heard.map((payload) => (typeof payload === 'number' ? payload : 'left'))).toEqual([
      1,
      2,
      3,
      'left',
      'left',
      4,
    ])
    expect(payloads(readers[3] as Peer)).toEqual([1, 2, 3, left[0], sent[0], left[1], sent[1], 4])
  })
})
