import { once } from 'node:events'
import { type App, type Context, definePlugin } from 'rookery'
import { describe, expect, it, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { startApp } from '../support/app.ts'
import { BareClient, connectBare } from '../support/bare-client.ts'
import { deferred } from '../support/deferred.ts'

const turn = () => new Promise<void>(setImmediate)

/** Resolves after some turns of the event loop, as a query of a database would. */
const query = async () => {
  for (let count = 0; count < 20; count++) await turn()
}

/** A database that its plugin closes. Records for each query whether it was still open at the end. */
const database = () => {
  const found: string[] = []
  let isOpen = true
  const plugin = definePlugin({
    name: 'database',
    start: () => {},
    stop: () => {
      isOpen = false
    },
  })
  const use = async (who: string) => {
    await query()
    found.push(`${who} ${isOpen ? 'open' : 'closed'}`)
  }
  return { plugin, found, use }
}

describe('a stop waits, before plugins stop,', () => {
  it('for handlers, listeners, queued events, the events that these publish, and hooks', async () => {
    verifies('delivery.end.drained')
    const { plugin, found, use } = database()
    const begun = deferred()
    const { app, url } = await startApp({ plugins: [plugin] })
    app.sessions.onClose(() => use('close hook'))
    app.handle('work', async (ctx) => {
      begun.resolve()
      await use('handler')
      await ctx.publish('done')
    })
    app.bus.subscribe('done', async () => {
      await use('listener')
      app.bus.publish('after')
    })
    app.bus.subscribe('after', () => use('later listener'))
    const clients = await Promise.all(Array.from({ length: 5 }, () => connectBare(url)))
    clients[0]?.send({ topic: 'work', id: 1 })
    await begun.promise
    for (let count = 0; count < 6; count++) app.bus.publish('done')
    await app.stop()
    expect(found.filter((line) => line.endsWith('closed'))).toEqual([])
    const count = (who: string) => found.filter((line) => line === `${who} open`).length
    expect(['handler', 'listener', 'later listener', 'close hook'].map(count)).toEqual([1, 7, 7, 5])
  })

  it('for every event of a long queue', async () => {
    const { app } = await startApp()
    let handled = 0
    app.bus.subscribe('a', () => void handled++)
    for (let count = 0; count < 5000; count++) app.bus.publish('a', count)
    await app.stop()
    expect(handled).toBe(5000)
  })

  it('for the hooks of handshakes that it has refused', async () => {
    const { plugin, found, use } = database()
    const { app, url } = await startApp({ plugins: [plugin] })
    app.sessions.onOpen(() => use('open hook'))
    app.sessions.onClose(() => use('close hook'))
    const client = new BareClient(`${url}/api/v1/ws`)
    await vi.waitFor(() => expect(app.sessions.size).toBe(1), { interval: 1 })
    await app.stop()
    await client.untilClosed()
    expect([...found].sort()).toEqual(['close hook open', 'open hook open'])
  })

  it('for stopTimeout, and logs the numbers of what it cuts off', async () => {
    const { app, url, lines } = await startApp({ stopTimeout: 100, bus: { maxPending: 1 } })
    const never = new Promise<void>(() => {})
    app.handle('stuck', () => never)
    app.bus.subscribe('stuck', () => never)
    app.sessions.onClose(() => never)
    const [busy, idle] = [await connectBare(url), await connectBare(url)]
    for (let id = 1; id <= 3; id++) busy.send({ topic: 'stuck', id })
    expect((await busy.ask({ topic: 'nobody' })).error?.code).toBe('unknown_topic')
    app.bus.publish('stuck')
    await app.stop()
    expect(lines.filter(({ msg }) => /before all work has ended/.test(msg ?? ''))).toMatchObject([
      { level: 'warn', handlers: 3, listeners: 1, hooks: 1, sessions: 1 },
    ])
    for (const client of [busy, idle]) {
      expect(await client.untilClosed()).toEqual({ code: 1001, reason: 'shutting_down' })
    }
  })
})

describe('a session', () => {
  it('leaves at once if it has no work under way, and otherwise with its last reply', async () => {
    verifies('delivery.end.leave', 'delivery.end.drain')
    const finish = deferred()
    const { app, url } = await startApp()
    app.handle('slow', async () => {
      await finish.promise
      return 'done'
    })
    app.handle('echo', (_ctx, payload) => payload)
    const busy = await connectBare(url)
    const idle = await Promise.all(Array.from({ length: 20 }, () => connectBare(url)))
    const reply = busy.ask({ topic: 'slow' })
    expect((await busy.ask({ topic: 'echo', payload: 1 })).payload).toBe(1)
    for (const client of idle) client.send({ topic: 'echo', payload: 'last', id: 99 })
    const stopping = app.stop()
    for (const client of idle) {
      expect(await client.untilClosed()).toEqual({ code: 1001, reason: 'shutting_down' })
      expect(client.frames.at(-1)).toMatchObject({ type: 'close', reconnectAfter: expect.any(Number) })
      expect(client.frames.filter(({ type, error }) => type === 'reply' && error)).toEqual([])
    }
    expect((await busy.ask({ topic: 'echo' })).error?.code).toBe('shutting_down')
    expect(busy.closed).toBeUndefined()
    finish.resolve()
    expect((await reply).payload).toBe('done')
    await stopping
    expect(await busy.untilClosed()).toEqual({ code: 1001, reason: 'shutting_down' })
  })

  it('with an authorizer under way leaves when the message that waits for it has been handled', async () => {
    const allow = deferred()
    const { app, url } = await startApp()
    app.sessions.addAuthorizer({
      authorize: () => allow.promise.then(() => true),
      authorizePattern: () => true,
    })
    app.handle('echo', (_ctx, payload) => payload)
    const client = await connectBare(url)
    const asked = client.ask({ topic: 'echo', payload: 1 })
    // The server answers the ping when it has read the frames.
    client.socket.ping()
    await once(client.socket, 'pong')
    const stopping = app.stop()
    allow.resolve()
    expect((await asked).payload).toBe(1)
    await stopping
    await client.untilClosed()
  })
})

describe('await app.stop()', () => {
  /** Calls `stop` inside a piece of work of each kind. */
  const kinds: Record<string, (app: App, run: () => unknown) => void> = {
    'in a handler': (app, run) => void app.handle('go', run),
    'in middleware': (app, run) => {
      app.handle('go', () => {})
      app.use('go', async (_ctx: Context, next) => {
        await run()
        return await next()
      })
    },
    'in a listener': (app, run) => {
      app.handle('go', (ctx) => ctx.publish('go'))
      app.bus.subscribe('go', run)
    },
    'in an authorizer': (app, run) => {
      app.handle('go', () => {})
      app.sessions.addAuthorizer({
        authorize: async () => {
          await run()
          return true
        },
        authorizePattern: () => true,
      })
    },
    'in a close hook': (app, run) => {
      app.handle('go', (ctx) => ctx.session.close())
      app.sessions.onClose(run)
    },
  }

  it.each(Object.entries(kinds))('%s stops the app without waiting for the caller', async (_kind, add) => {
    for (const first of ['at once', 'after an await', 'as its result']) {
      const { app, url, lines } = await startApp({ stopTimeout: '1h' })
      const over = deferred()
      let runs = 0
      add(app, async () => {
        if (runs++ > 0) return
        if (first === 'after an await') await query()
        if (first === 'as its result') return app.stop().then(over.resolve)
        await app.stop()
        expect(app.state).toBe('stopped')
        over.resolve()
      })
      const client = await connectBare(url)
      client.send({ topic: 'go', id: 1 })
      await over.promise
      await client.untilClosed()
      expect(lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
    }
  })

  it('in a handler as its result resolves, too', async () => {
    const { app, url } = await startApp({ stopTimeout: '1h' })
    app.handle('go', () => app.stop())
    const client = await connectBare(url)
    client.send({ topic: 'go', id: 1 })
    expect(await client.untilClosed()).toEqual({ code: 1001, reason: 'shutting_down' })
    await app.stop()
  })

  it('in an open hook refuses the client', async () => {
    const { app, url } = await startApp({ stopTimeout: '1h' })
    app.sessions.onOpen(() => app.stop())
    const client = new BareClient(`${url}/api/v1/ws`)
    expect(await client.untilClosed()).toEqual({ code: 1001, reason: 'shutting_down' })
    await app.stop()
  })
})

describe('a handler that stops the app and does not await it', () => {
  it('is waited for, and its reply arrives', async () => {
    const { app, url } = await startApp()
    app.handle('go', async () => {
      void app.stop()
      await query()
      return 'bye'
    })
    const client = await connectBare(url)
    expect((await client.ask({ topic: 'go' })).payload).toBe('bye')
    await client.untilClosed()
  })
})
