import { rooms } from 'rookery/rooms'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { TestApp } from '../support/app.ts'
import { BareClient, connectBare } from '../support/bare-client.ts'
import { RawWebSocket } from '../support/raw-websocket.ts'
import { SseReader } from '../support/sse-reader.ts'
import { ask, startThree, TRANSPORTS, until, welcomeBy } from '../support/three-transports.ts'

/** Names with a meaning for JavaScript objects. */
const NAMES = [
  ...['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'valueOf', 'toJSON', 'then'],
  ...['__defineGetter__', 'length', 'name', 'error', 'message', 'data', 'close', 'end'],
]

const start = () =>
  startThree({
    plugins: [rooms()],
    prepare: (app) => {
      app.handle('say', async (ctx, payload) => {
        const { topic, text } = payload as { topic: string; text: unknown }
        await ctx.publish(topic, text)
      })
    },
  })

/** Checks that no prototype has been polluted and that the app serves other peers. */
const expectHealthy = async ({ url, lines }: TestApp) => {
  expect(Object.keys(Object.prototype)).toEqual([])
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  const honest = await connectBare(url)
  expect((await honest.ask({ topic: 'echo', payload: 'hi' })).payload).toBe('hi')
  expect(lines.filter(({ level }) => level === 'error')).toEqual([])
}

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

const POLLUTION =
  '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"prototype":{"polluted":1},"a":[{"__proto__":{"polluted":1}}]}'

/** Opens a stream and returns a function that posts raw bodies to its uplink. */
const openUplink = async (url: string) => {
  const reader = await SseReader.open(`${url}/api/v1/sse`)
  const { session } = await reader.until(({ type }) => type === 'welcome')
  const post = async (body: string | Uint8Array<ArrayBuffer>) => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/api/v1/sse/${session}`, { method: 'POST', headers, body })
    const { error } = (await response.json()) as { error?: { code: string } }
    return `${response.status} ${error?.code ?? 'ok'}`
  }
  return { reader, post }
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  it('names of object members are ordinary names of topics, patterns and rooms', async () => {
    const started = await start()
    const peer = await welcomeBy(transport, started.url, { username: '__proto__', roomID: 'constructor' })
    for (const name of NAMES) {
      expect(await ask(peer, { type: 'subscribe', topics: [name, `${name}/*`] })).toEqual({
        topics: [name, `${name}/*`],
      })
      for (const topic of [name, `${name}/${name}`]) {
        await ask(peer, { topic: 'say', payload: { topic, text: name } })
        await until(
          peer,
          (frame) => frame.type === undefined && frame.topic === topic && frame.payload === name,
        )
      }
      expect(await ask(peer, { topic: name, payload: name })).toBe('unknown_topic')
      expect(await ask(peer, { topic: 'room/join', payload: { room: name } })).toMatchObject({ room: name })
      expect(await ask(peer, { topic: 'room/leave', payload: { room: name } })).toEqual({ room: name })
    }
    expect([...started.app.sessions][0]?.user).toEqual({ id: '__proto__', name: '__proto__' })
    await expectHealthy(started)
  })

  it('query parameters with names of object members are ordinary parameters', async () => {
    const started = await start()
    const params = Object.fromEntries(
      // The client of Socket.IO cannot send that one.
      NAMES.filter((name) => name !== 'hasOwnProperty').map((name) => [name, '1']),
    )
    await welcomeBy(transport, started.url, params)
    await expectHealthy(started)
  })

  it('NUL and lone surrogates are refused in names and kept in payloads', async () => {
    const started = await start()
    const peer = await welcomeBy(transport, started.url)
    for (const bad of ['a\0b', '\ud800', 'a/\udfff', '\u2028', ' ', 'a//b', '/']) {
      expect(await ask(peer, { type: 'subscribe', topics: [bad] })).toBe('invalid_pattern')
      expect(await ask(peer, { topic: bad })).toBe('invalid_topic')
      expect(await ask(peer, { topic: 'room/join', payload: { room: bad } })).toBe('invalid_room')
    }
    for (const payload of ['a\0b', '\ud800', { '\udfff': '\0' }, '\u2028\u2029']) {
      expect(await ask(peer, { topic: 'echo', payload })).toEqual(payload)
    }
    await expectHealthy(started)
  })

  it('a payload with __proto__ does not pollute prototypes', async () => {
    const started = await start()
    const peer = await welcomeBy(transport, started.url)
    const payload = JSON.parse(POLLUTION)
    expect(JSON.stringify(await ask(peer, { topic: 'echo', payload }))).toBe(POLLUTION)
    await expectHealthy(started)
  })

  it('a frame with a thousand levels is answered, and the session stays open', async () => {
    const started = await start()
    const peer = await welcomeBy(transport, started.url)
    expect(await ask(peer, { topic: 'echo', payload: JSON.parse(nested(1_000)) })).toBe('bad_frame')
    expect(await ask(peer, { topic: 'echo', payload: 1 })).toBe(1)
    await expectHealthy(started)
  })
})

describe('over a WebSocket, text', () => {
  it.each<[string, string, object]>([
    [
      'with a field __proto__',
      '{"__proto__":{"topic":"echo"},"id":1}',
      { id: 1, error: { code: 'bad_frame' } },
    ],
    ['with the type constructor', '{"type":"constructor","id":1}', { id: 1, error: { code: 'bad_frame' } }],
    ['with the id __proto__', '{"topic":"echo","id":"__proto__"}', { error: { code: 'bad_frame' } }],
    ['with an infinite id', '{"topic":"echo","id":1e999}', { error: { code: 'bad_frame' } }],
    ['with an id that is an object', '{"topic":"echo","id":{"valueOf":1}}', { error: { code: 'bad_frame' } }],
    ['with a topic that is a list', '{"topic":["echo"],"id":1}', { id: 1, error: { code: 'bad_frame' } }],
    ['with two topic fields', '{"topic":"x","topic":"echo","payload":2,"id":1}', { id: 1, payload: 2 }],
    [
      'with ten thousand levels',
      `{"id":1,"topic":"echo","payload":${nested(10_000)}}`,
      { id: 1, error: { code: 'bad_frame' } },
    ],
    ['without an end', '['.repeat(60_000), { error: { code: 'bad_frame' } }],
    ['with NUL', '\0', { error: { code: 'bad_frame' } }],
    ['that is empty', '', { error: { code: 'bad_frame' } }],
    ['that begins with a byte order mark', '\ufeff{"topic":"echo","id":1}', { error: { code: 'bad_frame' } }],
  ])('%s is answered, and the session stays open', async (_what, text, answer) => {
    const started = await start()
    const client = await connectBare(started.url)
    client.send(text)
    await vi.waitFor(() => expect(client.frames[1]).toMatchObject(answer))
    client.send({ topic: 'echo', payload: 'on', id: 99 })
    await client.until(({ id }) => id === 99)
    await expectHealthy(started)
  })

  it('that is not UTF-8, too large, or broken ends the session with an error code', async () => {
    const started = await start()
    const invalid = await RawWebSocket.connect(started.url)
    invalid.frame(0x81, Buffer.from('{"topic":"echo","payload":"\xed\xa0\x80"}', 'latin1'))
    expect(await invalid.closed()).toMatchObject({ code: 1007, reason: 'bad_encoding' })
    const large = await connectBare(started.url)
    large.send({ topic: 'echo', payload: 'x'.repeat(70_000) })
    expect(await large.untilClosed()).toEqual({ code: 1009, reason: 'payload_too_large' })
    const reserved = await RawWebSocket.connect(started.url)
    reserved.frame(0xf1, Buffer.from('{}'))
    expect(await reserved.closed()).toMatchObject({ code: 1002, reason: 'protocol_error' })
    await expectHealthy(started)
    const { bad_encoding, payload_too_large, protocol_error } = started.app.refusals
    expect([bad_encoding, payload_too_large, protocol_error]).toEqual([1, 1, 1])
  })

  it('in the query with control characters is refused as a user name, and invalid UTF-8 is accepted', async () => {
    const started = await start()
    for (const name of ['%00', 'a%0db', '%ED%A0%80%00', 'x'.repeat(65)]) {
      const client = new BareClient(`${started.url}/api/v1/ws?username=${name}`)
      expect((await client.untilClosed()).reason).toBe('invalid_handshake')
    }
    await connectBare(started.url, '?username=%ED%A0%80&__proto__=1&constructor=2&__proto__[polluted]=1')
    await expectHealthy(started)
  })
})

describe('over an uplink, a body', () => {
  it.each<[string, string | Uint8Array<ArrayBuffer>, string]>([
    ['that is not UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22]), '400 bad_encoding'],
    ['with an encoded surrogate', Buffer.from('{"topic":"\xed\xa0\x80"}', 'latin1'), '400 bad_encoding'],
    ['with thirty thousand levels', `{"topic":"echo","payload":${nested(30_000)}}`, '400 bad_frame'],
    ['of nested lists', `[${nested(10_000)}]`, '400 bad_frame'],
    ['without an end', '['.repeat(60_000), '400 bad_frame'],
    ['that is too large', `"${'x'.repeat(70_000)}"`, '413 payload_too_large'],
    ['with an object as sequence number', '{"topic":"echo","seq":{"__proto__":1}}', '400 bad_frame'],
    ['that is empty', '', '400 bad_frame'],
    ['that is a list without frames', '[null,[],"x",7]', '200 ok'],
    ['with __proto__ fields', `[{"topic":"echo","payload":${POLLUTION},"__proto__":{"seq":1}}]`, '200 ok'],
  ])('%s gets its status and code, and the stream stays open', async (_what, body, answer) => {
    const started = await start()
    const { reader, post } = await openUplink(started.url)
    expect(await post(body)).toBe(answer)
    expect(await post('{"topic":"echo","payload":"on","id":99}')).toBe('200 ok')
    await reader.until(({ id }) => id === 99)
    await expectHealthy(started)
  })

  it('for an unknown session id of any form gets 404', async () => {
    const started = await start()
    const headers = { 'content-type': 'application/json' }
    for (const name of [...NAMES, '%00', '%ff', 'a-b', '..%2f..%2fetc', '%E0%A4%A', 'x'.repeat(8000)]) {
      const response = await fetch(`${started.url}/api/v1/sse/${name}`, {
        method: 'POST',
        headers,
        body: '{}',
      })
      expect([name, response.status]).toEqual([name, 404])
    }
    await expectHealthy(started)
  })
})

describe('over Socket.IO, packets', () => {
  /** Opens a connection, sends messages, and resolves with the received texts when it has ended or answered the last one. */
  const write = async (url: string, ...messages: (string | Buffer)[]) => {
    const socket = new WebSocket(
      `${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&__proto__=1`,
    )
    onTestFinished(() => socket.terminate())
    const texts: string[] = []
    let ended = false
    socket.on('error', () => {})
    socket.on('close', () => {
      ended = true
    })
    socket.on('message', (data) => {
      const text = String(data)
      texts.push(text)
      if (text.startsWith('0'))
        socket.send('40{"__proto__":{"polluted":1},"constructor":"x","username":"\\ud800"}')
      if (!text.startsWith('42["$welcome"')) return
      for (const message of messages) socket.send(message)
      socket.send('4299["echo","on"]')
    })
    await vi.waitFor(() => expect(ended || texts.includes('4399["on"]')).toBe(true))
    return { texts, ended }
  }

  it.each<[string, string]>(
    [...NAMES, 'removeListener2', 'drain', 'upgrade', 'any'].map((name) => [
      name,
      `421[${JSON.stringify(name)},1]`,
    ]),
  )('of an event named %s are answered like any other event', async (_name, packet) => {
    const started = await start()
    const { texts, ended } = await write(started.url, packet)
    expect(ended).toBe(false)
    expect(texts.find((text) => text.startsWith('431['))).toContain('unknown_topic')
    await expectHealthy(started)
  })

  it.each<[string, string[]]>([
    ['of reserved events', ['42["disconnecting",1]']],
    ['with a number as event name', ['42[7,1]']],
    ['without an event name', ['42[]', '42[null]', '42{}']],
    ['with too many levels', [`42["echo",${nested(30_000)}]`, `421["echo",${'['.repeat(60_000)}`]],
    ['with unexpected acknowledgements', ['430[1]', '43999999999999999999[]', '43[{"__proto__":1}]']],
    ['of other namespaces', ['40/__proto__,', '40/constructor,{}', '42/toString,["a"]']],
    ['that connect to the namespace again', ['40', '40{}']],
    ['with missing binary attachments', ['451-["echo",{"_placeholder":true,"num":0}]', '42["echo",1]']],
    ['with an invalid attachment number', ['451-["echo",{"_placeholder":true,"num":"__proto__"}]']],
    ['with too many attachments', ['4599999999-["echo"]']],
    ['of unknown types', ['49', '4x', '9', 'x', '', '2probe', '5', '3']],
  ])('%s do not affect other peers', async (_what, packets) => {
    const started = await start()
    await write(started.url, ...packets)
    await expectHealthy(started)
    await vi.waitFor(() => expect(started.app.sessions.size).toBeLessThanOrEqual(2))
  })

  it('with deeply nested binary, too large, or not UTF-8 do not affect other peers', async () => {
    const started = await start()
    await write(
      started.url,
      `451-["echo",${'['.repeat(20_000)}{"_placeholder":true,"num":0}${']'.repeat(20_000)}]`,
      Buffer.from('x'),
    )
    expect((await write(started.url, `42["echo","${'x'.repeat(70_000)}"]`)).ended).toBe(true)
    const raw = new WebSocket(`${started.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`)
    const closed = new Promise((resolve) => raw.once('close', resolve))
    raw.once('open', () => raw.send(Buffer.from([0x34, 0x30, 0xff]), { binary: false }))
    expect(await closed).toBe(1007)
    await expectHealthy(started)
  })
})
