import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Store } from '../../core/cluster/store.ts'
import { verifies } from '../requirements.ts'
import { type NatsNode, settled, startNodes, until, useNats } from '../support/nats.ts'

const LONG = ['x'.repeat(4200), '@'.repeat(900), '漢'.repeat(300), '%'.repeat(256)]
const LONGEST = ['x'.repeat(255), '@'.repeat(255), '漢'.repeat(85), '*'.repeat(255), '.'.repeat(255)]

const stayedConnected = (...nodes: readonly NatsNode[]) => {
  for (const node of nodes) {
    expect(node.app.cluster.connected).toBe(true)
    expect(node.logged(/the cluster is lost|NATS reports an error/)).toEqual([])
  }
}

describe('with two nodes', () => {
  it('no id of a user, room or session costs a node its connection to NATS', async () => {
    verifies('delivery.send.id-limit')
    const server = await useNats()
    const [a, b] = (await startNodes(server, 2)) as [NatsNode, NatsNode]
    for (const id of LONG) {
      for (const target of [{ user: id }, { room: id }, { session: id }]) {
        await expect(a.app.send(target, 'x', 1)).rejects.toMatchObject({ code: 'invalid_option' })
      }
      await expect(b.connect([], { user: id })).rejects.toMatchObject({ code: 'forbidden' })
      const { session } = await b.connect()
      expect(() => b.app.sessions.enterRoom(session, id)).toThrow(
        expect.objectContaining({ code: 'invalid_option' }),
      )
      session.close()
    }
    for (const id of LONGEST) {
      const { messages } = await b.connect([], { user: id, room: id })
      await settled(a, b)
      expect(await a.app.send({ user: id }, 'x', 1)).toMatchObject({ sessions: 1 })
      expect(await a.app.send({ room: id }, 'x', 2)).toMatchObject({ sessions: 1 })
      await until(() => messages.length === 2)
      await expect(a.app.send({ session: id }, 'x', 1)).rejects.toMatchObject({ code: 'not_connected' })
      await expect(a.app.send({ session: `${b.id}-${id.slice(20)}` }, 'x', 1)).rejects.toMatchObject({
        code: 'not_connected',
      })
    }
    stayedConnected(a, b)
  })

  it('topics and groups of the largest size, whatever their characters, pass from node to node', async () => {
    const server = await useNats()
    const [a, b] = (await startNodes(server, 2, () => ({ nats: { prefix: 'p'.repeat(100) } }))) as [
      NatsNode,
      NatsNode,
    ]
    for (const character of ['%', '.', '>', '漢', '😀']) {
      const topic = character.repeat(255 / Buffer.byteLength(character))
      const heard: string[] = []
      const { messages } = await b.connect([topic])
      b.app.bus.subscribe(topic, () => heard.push('all'), { source: 'all' })
      b.app.bus.subscribe(topic, () => heard.push('group'), { source: 'cluster', group: '😀'.repeat(255) })
      await until(() => {
        a.app.bus.publish(topic, 1)
        return heard.includes('all') && heard.includes('group')
      })
      await a.app.publish(topic, 1)
      await until(() => messages.length === 1)
    }
    stayedConnected(a, b)
  })

  it('a key of the store that is too long for NATS is refused', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-nats-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const server = await useNats('-js', '-sd', folder)
    const [a] = (await startNodes(server, 1)) as [NatsNode]
    const store = a.app.scope.get(Store)
    const longest = '漢'.repeat(666)
    await store.put('b', longest, 1, 60_000)
    await expect(store.put('b', 'x'.repeat(4000), 1, 60_000)).rejects.toMatchObject({ code: 'invalid_topic' })
    expect(await store.entries('b')).toEqual([[longest, 1]])
    stayedConnected(a)
  })

  it('the link reports a subject that is too long for NATS, and does not send it', async () => {
    const server = await useNats()
    const [a, b] = (await startNodes(server, 2)) as [NatsNode, NatsNode]
    // A plugin can ask for any address.
    const asked = a.app.cluster.ask({ to: `$user/${'x'.repeat(4100)}`, method: 'm' })
    await expect(asked).rejects.toMatchObject({ code: 'cluster_unavailable' })
    const errors = a.logged(/was not passed to NATS/)
    expect(errors).toMatchObject([{ level: 'error', err: { code: 'invalid_topic' } }])
    await settled(a, b)
    stayedConnected(a, b)
  })
})
