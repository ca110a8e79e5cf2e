import type { App } from 'rookery'
import { defineContract } from 'rookery/contract'
import { Rooms, rooms } from 'rookery/rooms'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { startApp, type TestAppOptions } from '../support/app.ts'
import { BareClient } from '../support/bare-client.ts'

const contract = defineContract({
  topics: {
    'rooms/:room/messages': z.object({ text: z.string() }),
    'orders/:id': z.object({ total: z.number() }),
    slow: z.string().refine(async (text) => text !== ''),
  },
  calls: {
    double: { input: z.object({ n: z.number() }), output: z.object({ n: z.number() }) },
    parse: { input: z.string().transform(Number), output: z.string().transform(Number) },
    publish: { input: z.unknown() },
    broadcast: { input: z.unknown() },
    send: { input: z.unknown() },
  },
})

const start = async (options: Pick<TestAppOptions, 'validateOutput' | 'strict'> = {}) => {
  const started = await startApp({
    contract,
    ...options,
    plugins: [rooms()],
    prepare: (app: App) => {
      app.handle('double', (_ctx, payload) => {
        const { n } = payload as { n: number }
        return { n: n === 13 ? 'thirteen' : n * 2 }
      })
      app.handle('parse', (_ctx, n) => `${n}`)
      app.handle('publish', (ctx, payload) => ctx.publish('orders/1', payload))
      app.handle('broadcast', (ctx, payload) => ctx.broadcast('orders/1', payload))
      app.handle('send', (ctx, payload) => ctx.session.send('orders/1', payload))
    },
  })
  const client = new BareClient(`${started.url}/api/v1/ws?username=ada&roomID=42`)
  await client.until(({ type }) => type === 'welcome')
  await client.ask({ type: 'subscribe', topics: ['*'] })
  return { ...started, client }
}

afterEach(() => vi.unstubAllEnvs())

describe.each(['test', 'production'])('an app with a contract and NODE_ENV=%s', (env) => {
  const withEnv = async (options: Parameters<typeof start>[0] = {}) => {
    vi.stubEnv('NODE_ENV', env)
    return await start(options)
  }

  it('validates what clients send, and its handlers get what the schema returns', async () => {
    const { client } = await withEnv()
    expect((await client.ask({ topic: 'double', payload: { n: 'x' } })).error).toMatchObject({
      code: 'invalid_payload',
      issues: [{ path: ['n'] }],
    })
    expect((await client.ask({ topic: 'double', payload: { n: 2, extra: 1 } })).payload).toEqual({ n: 4 })
  })

  it('sends the input of the schema of a result', async () => {
    const { client } = await withEnv({ validateOutput: true })
    expect((await client.ask({ topic: 'parse', payload: '7' })).payload).toBe('7')
  })

  it.each([true, false])(
    'validates what it sends with validateOutput: %s as the option says',
    async (validateOutput) => {
      const { app, client } = await withEnv({ validateOutput })
      const reply = await client.ask({ topic: 'double', payload: { n: 13 } })
      if (validateOutput) expect(reply.error).toMatchObject({ code: 'internal' })
      else expect(reply.payload).toEqual({ n: 'thirteen' })
      const published = await app.publish('orders/1', { total: 'x' }).catch(({ code }) => code)
      expect(published).toBe(validateOutput ? 'invalid_output' : undefined)
    },
  )

  it('validates what it sends by default, but not in production', async () => {
    const { app } = await withEnv()
    const published = await app.publish('orders/1', { total: 'x' }).catch(({ code }) => code)
    expect(published).toBe(env === 'test' ? 'invalid_output' : undefined)
  })
})

describe('a message of the server that does not fit the contract', () => {
  const bad = { total: 'x' }
  const ways: [string, (app: App) => unknown][] = [
    ['app.publish', (app) => app.publish('orders/1', bad)],
    ['app.publish with an event', (app) => app.publish({ topics: ['orders/1'], payload: bad })],
    [
      'one of several topics',
      (app) =>
        app.publish({ topics: ['elsewhere', 'orders/1'], payload: bad, client: { topic: 'elsewhere' } }),
    ],
    [
      'the topic of the client message',
      (app) =>
        app.publish({ topics: ['elsewhere'], payload: {}, client: { topic: 'orders/1', payload: bad } }),
    ],
    ['app.send', (app) => app.send({ user: 'ada' }, 'orders/1', bad)],
    [
      'app.bus.publish with a client message',
      async (app) => app.bus.publish({ topics: ['orders/1'], payload: bad, client: {} }),
    ],
    [
      'bus.publishAndWait',
      (app) => app.bus.publishAndWait({ topics: ['orders/1'], payload: bad, client: {} }),
    ],
    ['rooms.broadcast', (app) => app.scope.get(Rooms).broadcast('42', 'messages', { text: 1 })],
    ['session.send', async (app) => [...app.sessions][0]?.send('orders/1', bad)],
  ]

  it.each(ways)('is refused with invalid_output: %s', async (_way, act) => {
    const { app, client } = await start()
    await expect(act(app)).rejects.toMatchObject({ code: 'invalid_output', issues: [expect.anything()] })
    await app.publish('orders/2', { total: 1 })
    await client.until(({ topic }) => topic === 'orders/2')
    expect(client.on('orders/1')).toEqual([])
    expect(client.on('elsewhere')).toEqual([])
  })

  it.each(['publish', 'broadcast', 'send'])('in a handler is an internal error: %s', async (topic) => {
    const { app, client, lines } = await start()
    const reports: unknown[] = []
    app.onError(({ error, stage }) => reports.push([(error as { code: string }).code, stage]))
    const { error } = await client.ask({ topic, payload: bad })
    expect(error).toMatchObject({ code: 'internal', message: 'Internal error' })
    expect(JSON.stringify(error)).not.toContain('orders')
    expect(reports).toEqual([['invalid_output', 'handler']])
    expect(lines.filter(({ level }) => level === 'error')).toMatchObject([{ errorId: error.id }])
  })

  it('is not one if it stays in the server', async () => {
    const { app } = await start()
    expect(() => app.bus.publish('orders/1', bad)).not.toThrow()
    const client = { payload: { total: 1 } }
    await expect(app.publish({ topics: ['orders/1'], payload: bad, client })).resolves.toBeUndefined()
  })

  it('has the code of an invalid topic if it is that', async () => {
    const { app } = await start()
    for (const topic of ['a b', '', 5, undefined]) {
      await expect(app.publish(topic as string, 1)).rejects.toMatchObject({ code: 'invalid_topic' })
      await expect(app.send({ user: 'ada' }, topic as string, 1)).rejects.toMatchObject({
        code: 'invalid_topic',
      })
    }
  })

  it('is invalid_option if the schema is asynchronous', async () => {
    const { app } = await start()
    await expect(app.publish('slow', 'text')).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining("'slow'"),
    })
  })
})

describe('a listener of the bus', () => {
  it('may name segments of its pattern, each of which stands for one', async () => {
    const { app } = await start()
    const heard: unknown[] = []
    const subscription = app.bus.subscribe('orders/:id', ({ topics }) => void heard.push(topics[0]))
    for (const topic of ['orders/1', 'orders/1/items', 'orders/2']) await app.bus.publishAndWait(topic)
    expect(heard).toEqual(['orders/1', 'orders/2'])
    subscription.remove('orders/:other')
    await app.bus.publishAndWait('orders/3')
    expect(heard).toHaveLength(2)
    expect(() => app.bus.subscribe('orders/:1', () => {})).toThrow(
      expect.objectContaining({ code: 'invalid_pattern' }),
    )
  })
})

describe('createApp', () => {
  it.each([
    ['a contract that is not of defineContract', { contract: { topics: {} } }, 'defineContract'],
    ['strict without a contract', { strict: true }, "needs the option 'contract'"],
    ['validateOutput without a contract', { validateOutput: false }, "needs the option 'contract'"],
    ['strict of another type', { contract, strict: 1 }, 'true or false'],
    ['validateOutput of another type', { contract, validateOutput: 'yes' }, 'true or false'],
    [
      'publicUserFields beside the user of the contract',
      { contract: defineContract({ user: z.object({ id: z.string() }) }), publicUserFields: ['role'] },
      'publicUserFields',
    ],
  ])('refuses %s', async (_what, options, message) => {
    await expect(startApp(options as object)).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining(message),
    })
  })
})
