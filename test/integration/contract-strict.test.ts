import { auth } from 'rookery/auth'
import { defineContract } from 'rookery/contract'
import { Rooms, rooms } from 'rookery/rooms'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import { clientBy } from '../support/client-transports.ts'
import { ask, connectBy, startThree, TRANSPORTS, until, welcomeBy } from '../support/three-transports.ts'
import { connect, makeToken, SECRET, startAuth } from './auth-support.ts'

const contract = defineContract({
  topics: { 'rooms/lobby/messages': z.string(), 'users/:id': z.string() },
  calls: { echo: { input: z.unknown(), output: z.unknown() } },
})

const start = () => startThree({ contract, strict: true, plugins: [rooms()] })

describe.each(TRANSPORTS)('a strict app, over %s,', (transport) => {
  it('refuses subscriptions to what is not in the contract, and takes names as text', async () => {
    const { url } = await start()
    const peer = await welcomeBy(transport, url)
    const topics = ['rooms/*', 'users/*', '*', 'orders/*', 'rooms/:room/messages', 'users/1/x', 'users/:id']
    const reply = (await ask(peer, { type: 'subscribe', topics })) as {
      readonly topics: string[]
      readonly refused: { readonly topic: string; readonly error: { readonly code: string } }[]
    }
    expect(reply.topics).toEqual(['rooms/*', 'users/*', '*', 'users/:id'])
    expect(reply.refused.map(({ topic, error }) => [topic, error.code])).toEqual([
      ['orders/*', 'unknown_topic'],
      ['rooms/:room/messages', 'unknown_topic'],
      ['users/1/x', 'unknown_topic'],
    ])
  })

  it('has the hash of its contract in welcome, unlike an app without one', async () => {
    verifies('protocol.server-frame.contract')
    const [{ url }, other] = await Promise.all([start(), startThree()])
    const [first, second] = await Promise.all([welcomeBy(transport, url), welcomeBy(transport, other.url)])
    expect(first.frames[0]).toMatchObject({ contract: expect.stringMatching(/^[0-9a-z]+$/) })
    expect(second.frames[0]).not.toHaveProperty('contract')
  })

  it('does not know a message to a call that has no handler', async () => {
    const { url } = await start()
    const peer = await welcomeBy(transport, url)
    expect(await ask(peer, { topic: 'ecoh', payload: 1 })).toBe('unknown_topic')
    expect(await ask(peer, { topic: 'echo', payload: 1 })).toBe(1)
  })

  it('has the calls and the events of rooms()', async () => {
    const { app, url } = await start()
    const peer = await welcomeBy(transport, url, { username: 'ada' })
    const topics = ['joined', 'left', 'closed'].map((what) => `rooms/42/${what}`)
    expect(await ask(peer, { type: 'subscribe', topics })).toEqual({ topics })
    expect(await ask(peer, { topic: 'room/join', payload: { room: '42' } })).toMatchObject({ total: 1 })
    expect(await ask(peer, { topic: 'room/members', payload: { room: '42' } })).toMatchObject({ total: 1 })
    const other = await welcomeBy(transport, url, { username: 'bob', roomID: '42' })
    await until(peer, (frame) => 'topic' in frame && frame.topic === 'rooms/42/joined')
    expect(await ask(other, { topic: 'room/leave', payload: { room: '42' } })).toEqual({ room: '42' })
    await until(peer, (frame) => 'topic' in frame && frame.topic === 'rooms/42/left')
    const [session] = [...app.sessions].filter(({ user }) => user?.id === 'ada')
    expect(app.scope.get(Rooms).leave(session!, '42')).toBe(true)
    await until(peer, (frame) => 'topic' in frame && frame.topic === 'rooms/42/closed')
    await ask(peer, { topic: 'room/join', payload: { room: '42' } })
    expect(await app.scope.get(Rooms).close('42')).toBe(1)
  })

  it('has the logout of auth()', async () => {
    const { url } = await startThree({ contract, strict: true, plugins: [auth({ jwt: { secret: SECRET } })] })
    const client = clientBy(transport, url, { token: await makeToken() })
    await client.ready()
    expect(await client.call('auth/logout')).toMatchObject({ sessions: 1 })
  })

  it('gives a subscription to a literal name no other topic', async () => {
    verifies('protocol.server-frame.names-are-text')
    const { app, url } = await start()
    const peer = await welcomeBy(transport, url)
    await ask(peer, { type: 'subscribe', topics: ['users/:id'] })
    await app.publish('users/1', 'hidden')
    await app.publish('users/:id', 'literal')
    const message = await until(peer, (frame) => 'topic' in frame && frame.topic === 'users/:id')
    expect(message).toMatchObject({ payload: 'literal' })
    expect(JSON.stringify(peer.frames)).not.toContain('hidden')
  })
})

describe('a strict app', () => {
  it('refuses topics of a handshake that are not in the contract', async () => {
    const { url } = await start()
    const refused = await fetch(`${url}/api/v1/sse?topic=orders/1`)
    expect(await refused.text()).toContain('unknown_topic')
    const peer = await connectBy('sse', url, { topic: 'users/1' })
    await until(peer, ({ type }) => type === 'welcome')
    expect(peer.closed).toBeUndefined()
  })

  it('refuses handlers of calls that are not in the contract', async () => {
    const { app } = await startApp({ contract, strict: true })
    for (const topic of ['ecoh', 'echo/:x', '*']) {
      expect(() => app.handle(topic, () => {})).toThrow(
        expect.objectContaining({ code: 'invalid_option', message: expect.stringContaining(`'${topic}'`) }),
      )
    }
    expect(() => app.group({}).handle('ecoh', () => {})).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    )
    expect(() => app.handle('ecoh', { strict: false }, () => {})).not.toThrow()
  })

  it('publishes and sends nothing outside of the contract, whether it validates or not', async () => {
    const { app } = await startApp({ contract, strict: true, validateOutput: false, plugins: [rooms()] })
    const code = expect.objectContaining({ code: 'invalid_output' })
    await expect(app.publish('orders/1', 1)).rejects.toEqual(code)
    await expect(app.send({ user: '1' }, 'orders/1', 1)).rejects.toEqual(code)
    await expect(app.publish({ topics: ['users/1', 'orders/1'], payload: 'x' })).rejects.toEqual(code)
    await expect(app.scope.get(Rooms).broadcast('42', 'messages', 'x')).rejects.toEqual(code)
    await expect(app.publish('users/1', 5)).resolves.toBeUndefined()
    expect(() => app.bus.publish('orders/1', 1)).not.toThrow()
  })
})

describe('a rule of auth()', () => {
  it('does not cover a pattern because of a name in it', async () => {
    const { url } = await startAuth({
      rules: { subscribe: { 'rooms/lobby/messages': true, 'users/:id': true } },
    })
    const client = await connect(url, await makeToken())
    const refusedOf = async (...topics: string[]): Promise<string[]> => {
      const { payload } = await client.ask({ type: 'subscribe', topics })
      return payload.refused.map(({ topic }: { topic: string }) => topic)
    }
    expect(await refusedOf('rooms/:room/messages', 'users/:id', 'users/*')).toEqual([
      'rooms/:room/messages',
      'users/*',
    ])
  })
})
