import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nats } from 'rookery/nats'
import { describe, expect, it, vi } from 'vitest'
import { shortIds, withShortIds } from '../../core/util/short-ids.ts'
import { type Line, startApp } from '../support/app.ts'
import { connectBare } from '../support/bare-client.ts'
import { useNats } from '../support/nats.ts'
import { useFolder } from '../support/nats-jetstream.ts'

const textOf = (lines: readonly Line[]): string =>
  JSON.stringify(lines, (_key, value) =>
    value instanceof Error ? [value.stack, value.message, value.cause, { ...value }] : value,
  )

describe('the whole id of a session', () => {
  it('is in no log line, also if NATS names it in an error', async () => {
    const config = join(useFolder(), 'nats.conf')
    const user = '{ user: a, password: b, permissions: { subscribe: { deny: "test.*.$session.>" } } }'
    writeFileSync(config, `authorization { users = [${user}] }`)
    const { url: servers } = await useNats('-c', config)
    const { url, lines } = await startApp({
      plugins: [nats({ servers, prefix: 'test', user: 'a', pass: 'b' })],
    })
    const peer = await connectBare(url)
    const session = String(peer.frames[0]?.session)
    const secret = session.slice(session.indexOf('-') + 1)
    await vi.waitFor(() => expect(textOf(lines)).toMatch(/Permissions Violation/i))
    expect(textOf(lines)).not.toContain(secret)
  })

  it('is in no error of a message to a session', async () => {
    const { app, url, lines } = await startApp({
      prepare: (app) => {
        app.handle('send', async (_ctx, payload) => await app.send({ session: String(payload) }, 'a'))
      },
    })
    const peer = await connectBare(url)
    const id = `${app.cluster.node}-${'0123456789a'.repeat(4)}`
    const { error } = await peer.ask({ topic: 'send', payload: id })
    expect(error).toMatchObject({ code: 'not_connected', message: expect.stringContaining('-01234567"') })
    expect(textOf(lines)).not.toContain(id)
  })

  it('is shortened as in other log lines, in texts and in the errors of libraries', () => {
    const id = `n1-${'0123456789a'.repeat(4)}`
    expect(shortIds(`/api/v1/sse/${id}`)).toBe('/api/v1/sse/n1-01234567')
    expect(shortIds(`/${'a'.repeat(64)}/${'b'.repeat(43)}`)).toBe(`/${'a'.repeat(64)}/${'b'.repeat(43)}`)
    const plain = new Error('nothing')
    expect(withShortIds(plain)).toBe(plain)
    expect(withShortIds(7)).toBe(7)
    const error = withShortIds(new TypeError(`no ${id}`, { cause: new Error(`because of ${id}`) }))
    expect(error).toMatchObject({ name: 'TypeError', message: 'no n1-01234567' })
    expect(textOf([error as never])).not.toContain(id)
  })
})
