import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { clientBy } from '../support/client-transports.ts'
import { startThree, TRANSPORTS } from '../support/three-transports.ts'

/** Advances the clock, as a sleep of the computer does: the timers of before the sleep are late. */
const sleep = (milliseconds: number): void => {
  const now = Date.now
  const spy = vi.spyOn(Date, 'now').mockImplementation(() => now() + milliseconds)
  onTestFinished(() => spy.mockRestore())
}

describe.each(TRANSPORTS)('after a sleep of the computer, over %s,', (transport) => {
  it('what the application sends arrives over a new connection', async () => {
    const handled: unknown[] = []
    const { url } = await startThree({
      prepare: (app) => void app.handle('note', (_ctx, payload) => void handled.push(payload)),
    })
    const client = clientBy(transport, url)
    const closed: unknown[] = []
    client.on('close', ({ error }) => closed.push(error.code))
    const { session } = await client.ready()
    client.send('note', 'before')
    await client.call('echo')
    sleep(3_600_000)
    client.send('note', 'after')
    expect(await client.call('echo', 'awake')).toBe('awake')
    expect([handled, closed]).toEqual([['before', 'after'], ['ping_timeout']])
    expect(client.session).not.toBe(session)
  })

  it('a connection over which the server has sent something lately stays', async () => {
    const { url } = await startThree()
    const client = clientBy(transport, url)
    const { session } = await client.ready()
    sleep(20_000)
    expect(await client.call('echo', 1)).toBe(1)
    expect(client.session).toBe(session)
  })
})
