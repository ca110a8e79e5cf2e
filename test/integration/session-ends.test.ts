import { getEventListeners } from 'node:events'
import { type Context, RookeryError } from 'rookery'
import { sse } from 'rookery/sse'
import { expect, it, onTestFinished, vi } from 'vitest'
import { startApp } from '../support/app.ts'
import { BareClient, connectBare } from '../support/bare-client.ts'
import { deferred } from '../support/deferred.ts'
import { SseReader } from '../support/sse-reader.ts'
import { turn } from '../support/turn.ts'

/** The warnings of Node until the end of the test. */
const nodeWarnings = () => {
  const warnings: string[] = []
  const note = ({ name }: Error) => void warnings.push(name)
  process.on('warning', note)
  onTestFinished(() => void process.off('warning', note))
  return warnings
}

it('close hooks run only for sessions whose open hooks have run', async () => {
  const { app, url } = await startApp({ plugins: [sse()] })
  const log: string[] = []
  app.sessions.addAuthorizer({
    authorize: (_session, _action, topic) => topic !== 'secret',
    authorizePattern: () => true,
  })
  app.sessions.onOpen(() => void log.push('open'))
  app.sessions.onClose(() => void log.push('close'))
  // The authorizer refuses the subscription of the handshake, before the open hooks.
  expect((await fetch(`${url}/api/v1/sse?topic=secret`)).status).toBe(403)
  expect(log).toEqual([])
  const reader = await SseReader.open(`${url}/api/v1/sse?topic=news`)
  await reader.until(({ type }) => type === 'welcome')
  expect(log).toEqual(['open'])
  reader.close()
  await app.stop()
  expect(log).toEqual(['open', 'close'])
})

it('an open hook that closes the session is the last one, and the close hooks run', async () => {
  const { app, url } = await startApp()
  const log: string[] = []
  app.sessions.onOpen((session) => {
    log.push('first')
    session.close(new RookeryError('forbidden'))
  })
  app.sessions.onOpen(() => void log.push('second'))
  app.sessions.onClose((_session, error) => void log.push(`close ${error?.code}`))
  await new BareClient(`${url}/api/v1/ws`).untilClosed()
  expect(log).toEqual(['first', 'close forbidden'])
})

it('a hook that is added twice runs twice, and each removal removes one', async () => {
  const { app, url } = await startApp()
  const hook = vi.fn()
  const [removeOne, removeOther] = [app.sessions.onOpen(hook), app.sessions.onOpen(hook)]
  await connectBare(url)
  expect(hook).toHaveBeenCalledTimes(2)
  removeOne()
  removeOne()
  await connectBare(url)
  expect(hook).toHaveBeenCalledTimes(3)
  removeOther()
  await connectBare(url)
  expect(hook).toHaveBeenCalledTimes(3)
})

it('many calls at a time that use ctx.signal leave no listener and cause no warning', async () => {
  const warnings = nodeWarnings()
  const { app, url } = await startApp()
  const finish = deferred()
  const contexts: Context[] = []
  app.handle('early', async (ctx) => {
    contexts.push(ctx)
    // Several operations that share the signal.
    for (let count = 0; count < 11; count++) ctx.signal.addEventListener('abort', () => {})
    await finish.promise
  })
  app.handle('late', async (ctx) => {
    void ctx.payload
    contexts.push(ctx)
    await turn()
  })
  const client = await connectBare(url)
  const calls = Array.from({ length: 11 }, () => client.ask({ topic: 'early' }))
  await vi.waitFor(() => expect(contexts).toHaveLength(11))
  const { signal } = (contexts[0] as Context).session
  expect(getEventListeners(signal, 'abort')).toHaveLength(11)
  finish.resolve()
  await Promise.all(calls)
  await client.ask({ topic: 'late' })
  // Read for the first time after the end of the handler.
  expect((contexts.at(-1) as Context).signal.aborted).toBe(false)
  expect(getEventListeners(signal, 'abort')).toEqual([])
  await turn()
  expect(warnings).toEqual([])
})

it('a signal that is read after the end of the handler and of the session is aborted', async () => {
  const { app, url } = await startApp()
  let seen: Context | undefined
  app.handle('a', (ctx) => {
    seen = ctx
  })
  const client = await connectBare(url)
  await client.ask({ topic: 'a' })
  client.socket.close()
  await vi.waitFor(() => expect(seen?.session.closed).toBe(true))
  expect(seen?.signal.reason).toMatchObject({ code: 'disconnected' })
})
