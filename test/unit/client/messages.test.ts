import { afterEach, describe, expect, test, vi } from 'vitest'
import { RookeryError } from '../../../client/index.ts'
import { runIsolated } from '../../../client/util/run-isolated.ts'
import { verifies } from '../../requirements.ts'
import { clientOf, opened, ScriptedServer } from './support.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

const connected = async () => {
  const server = await ScriptedServer.listen()
  const client = clientOf({ url: server.url })
  await opened(client)
  /** Resolves when all messages sent before have arrived at the client. */
  const settled = () => client.call('barrier')
  return { server, client, settled }
}

describe('a message', () => {
  test('reaches the listeners whose patterns match, with its topic and position in the history', async () => {
    const { server, client, settled } = await connected()
    const heard = vi.fn()
    client.subscribe<{ text: string }>('rooms/42/*', ({ text }, { topic, cursor }) =>
      heard(text, topic, cursor),
    )
    client.subscribe('rooms/43/*', () => heard('wrong room'))
    await settled()
    server.peer.send({ topic: 'rooms/42/messages', payload: { text: 'hi' }, cursor: 'c7' })
    await settled()
    expect(heard.mock.calls).toEqual([['hi', 'rooms/42/messages', 'c7']])
  })

  test('reaches a listener once, however many of its topics match', async () => {
    const { server, client, settled } = await connected()
    const heard = vi.fn()
    client.subscribe('users/*', (_payload, { topic, topics }) => heard(topic, topics))
    server.peer.send({ topic: 'user:updated', payload: 1, topics: ['users/1', 'users/2', 'users/1/name'] })
    await settled()
    expect(heard.mock.calls).toEqual([['user:updated', ['users/1', 'users/2', 'users/1/name']]])
  })

  test('reaches two listeners on overlapping patterns once each', async () => {
    const { server, client, settled } = await connected()
    const heard: string[] = []
    client.subscribe('a/*', () => heard.push('a/*'))
    client.subscribe('a/b', () => heard.push('a/b'))
    server.peer.send({ topic: 'a/b', payload: null })
    await settled()
    expect(heard.sort()).toEqual(['a/*', 'a/b'])
  })

  test('does not reach a cancelled listener, even if another listener of the same message cancelled it', async () => {
    const { server, client, settled } = await connected()
    const heard = vi.fn()
    client.subscribe('a', () => second.cancel())
    const second = client.subscribe('a', heard)
    server.peer.send({ topic: 'a', payload: 1 })
    server.peer.send({ topic: 'a', payload: 2 })
    await settled()
    expect(heard).not.toHaveBeenCalled()
  })

  test('does not reach a listener that subscribes during its delivery', async () => {
    const { server, client, settled } = await connected()
    const heard = vi.fn()
    const first = client.subscribe('a', () => client.subscribe('a', heard))
    await first.ready
    server.peer.send({ topic: 'a', payload: 1 })
    await settled()
    expect(heard).not.toHaveBeenCalled()
  })
})

describe('a listener that throws', () => {
  test('is reported, and the other listeners still get the message', async () => {
    const { server, client, settled } = await connected()
    const reported = vi.fn()
    vi.stubGlobal('reportError', reported)
    const heard = vi.fn()
    client.subscribe('a', () => {
      throw new Error('thrown')
    })
    client.subscribe('a', () => Promise.reject(new Error('rejected')))
    client.subscribe('a', heard)
    server.peer.send({ topic: 'a', payload: 1 })
    await settled()
    expect(heard).toHaveBeenCalledTimes(1)
    expect(reported.mock.calls.flat()).toEqual([new Error('thrown'), new Error('rejected')])
  })

  test('causes an uncaught exception where there is no reportError, as in Node', () => {
    const tasks: (() => void)[] = []
    vi.stubGlobal('queueMicrotask', (task: () => void) => tasks.push(task))
    runIsolated(() => {
      throw new Error('thrown')
    })
    expect(tasks).toHaveLength(1)
    expect(tasks[0]).toThrow('thrown')
  })

  test('of an event does not stop other listeners either', async () => {
    const { server, client, settled } = await connected()
    const reported = vi.fn()
    vi.stubGlobal('reportError', reported)
    const heard = vi.fn()
    client.on('error', () => {
      throw new Error('thrown')
    })
    client.on('error', heard)
    server.peer.send({ type: 'error', error: { code: 'unknown_topic', message: 'No such topic' } })
    await settled()
    expect(reported).toHaveBeenCalledWith(new Error('thrown'))
    expect(heard).toHaveBeenCalledWith(new RookeryError('unknown_topic', 'No such topic'))
  })
})

describe('an invalid frame', () => {
  test.each<[string, string | Buffer]>([
    ['text that is not JSON', '{oops'],
    ['an array', '[1,2]'],
    ['null', 'null'],
    ['binary', Buffer.from('{"topic":"a"}')],
    ['without type and topic', '{}'],
    ['a type that is no string', '{"type":7}'],
    ['a topic that is no string', '{"topic":5}'],
    ['topics that are no list', '{"topic":"a","topics":"b"}'],
    ['a reply without an id', '{"type":"reply"}'],
    ['a reply with a broken error', '{"type":"reply","id":1,"error":"no"}'],
    ['an error without an error', '{"type":"error"}'],
    ['a close without an error', '{"type":"close","reconnectAfter":1}'],
    ['a welcome without a session', '{"type":"welcome","protocol":1}'],
  ])('is reported, and the connection stays open: %s', async (_what, text) => {
    const { server, client, settled } = await connected()
    const errors: string[] = []
    client.on('error', (error) => errors.push(error.code))
    server.peer.sendText(text)
    await settled()
    expect(errors).toEqual(['bad_frame'])
    expect(server.peers).toHaveLength(1)
  })
})

test('a listener of an event is removed by the function that on() returned, once for each on()', async () => {
  const { server, client, settled } = await connected()
  const heard = vi.fn()
  const [off] = [client.on('error', heard), client.on('error', heard)]
  off()
  off()
  server.peer.send({ type: 'error', error: { code: 'bad_frame', message: 'No' } })
  await settled()
  expect(heard).toHaveBeenCalledTimes(1)
})

test('a frame of an unknown type is ignored', async () => {
  verifies('protocol.server-frame.unknown-ignored')
  const { server, client, settled } = await connected()
  const heard = vi.fn()
  client.on('error', heard)
  server.peer.sendText('{"type":"surprise","topic":"a"}')
  await settled()
  expect(heard).not.toHaveBeenCalled()
})

test('a volatile message is sent while there is a connection, and dropped otherwise', async () => {
  verifies('delivery.client.volatile')
  const { server, client, settled } = await connected()
  client.send('typing', 'now', { volatile: true })
  await settled()
  const stale = vi.fn(() => client.send('typing', 'stale', { volatile: true }))
  client.on('close', stale)
  server.peer.cut()
  await vi.waitFor(() => expect(server.peers).toHaveLength(2))
  await vi.waitFor(() => expect(client.state).toBe('open'))
  expect(stale).toHaveBeenCalledOnce()
  await settled()
  const sent = server.peers.flatMap(({ frames }) =>
    frames.flatMap((frame) => (frame.type ? [] : [frame.payload])),
  )
  expect(sent).toContain('now')
  expect(sent).not.toContain('stale')
})

test('a ping gets a pong', async () => {
  const { server, settled } = await connected()
  server.peer.send({ type: 'ping' })
  await settled()
  expect(server.peer.frames).toContainEqual({ type: 'pong' })
})
