import type { App } from 'rookery'
import { describe, expect, it } from 'vitest'
import { verifies } from '../requirements.ts'
import type { Line } from '../support/app.ts'
import { ask, startThree, TRANSPORTS, until, welcomeBy } from '../support/three-transports.ts'

/** Topics under `secret` are refused. The authorizer of `slow` answers asynchronously, that of `broken` fails. */
const addAuthorizer = (app: App): void => {
  const allows = (topic: string) => {
    if (topic.startsWith('broken')) throw new Error('the database is away')
    return !topic.startsWith('secret')
  }
  app.sessions.addAuthorizer({
    authorize: (_session, _action, topic) =>
      topic.startsWith('slow') ? Promise.resolve(topic !== 'slow/secret') : allows(topic),
    authorizePattern: (_session, pattern) => allows(pattern),
  })
}

const refusedCodes = (reply: unknown): unknown[] =>
  (reply as { refused: { topic: string; error: { code: string } }[] }).refused.map(({ topic, error }) => [
    topic,
    error.code,
  ])

const refusals = (lines: readonly Line[]) => lines.filter(({ msg }) => msg === 'a subscription was refused')

describe.each(TRANSPORTS)('subscribe, over %s,', (transport) => {
  it('accepts or refuses each pattern for itself, and logs each refusal', async () => {
    verifies(
      'protocol.order.subscribe-each',
      'protocol.order.subscribe-several',
      'protocol.order.subscribe-reply',
      'delivery.subscriptions.each',
    )
    const { app, url, lines } = await startThree({ limits: { maxSubscriptions: 5 }, prepare: addAuthorizer })
    const peer = await welcomeBy(transport, url)
    const topics = [
      'bad pattern',
      'a',
      '$reserved',
      'secret/*',
      'slow/secret',
      'slow',
      'a',
      'broken',
      'b',
      'c',
    ]
    const reply = await ask(peer, { type: 'subscribe', topics })
    expect(reply).toMatchObject({ topics: ['a', 'slow'] })
    const refused = [
      ['bad pattern', 'invalid_pattern'],
      ['$reserved', 'reserved_topic'],
      ['secret/*', 'forbidden'],
      ['slow/secret', 'forbidden'],
      ['broken', 'internal'],
      ['b', 'too_many_subscriptions'],
      ['c', 'too_many_subscriptions'],
    ]
    expect(refusedCodes(reply)).toEqual(refused)
    const logged = refusals(lines)
    expect(logged.map(({ pattern, code }) => [pattern, code])).toEqual(refused)
    const [session] = app.sessions
    for (const line of logged) expect(session?.id).toContain(line.session as string)
    expect(session?.subscriptions).toEqual(['a', 'slow'])
    expect(app.refusals).toMatchObject({ forbidden: 2, too_many_subscriptions: 2 })
    await app.publish('secret/1', 'hidden')
    await app.publish('a', 'seen')
    await until(peer, (frame) => frame.type === undefined && frame.payload === 'seen')
    expect(JSON.stringify(peer.frames)).not.toContain('hidden')
  })

  it('answers a frame with one pattern with its error', async () => {
    verifies('protocol.order.subscribe-refused')
    const { url, lines } = await startThree({ prepare: addAuthorizer })
    const peer = await welcomeBy(transport, url)
    for (const [topic, code] of [
      ['bad pattern', 'invalid_pattern'],
      ['secret/*', 'forbidden'],
      ['slow/secret', 'forbidden'],
      ['broken', 'internal'],
    ]) {
      expect(await ask(peer, { type: 'subscribe', topics: [topic] })).toBe(code)
      expect(refusals(lines).at(-1)).toMatchObject({ pattern: topic, code })
    }
  })

  it('answers several patterns with a payload, also if all of them are refused or none is', async () => {
    verifies('protocol.order.subscribe-several', 'protocol.order.subscribe-none-refused')
    const { url } = await startThree({ prepare: addAuthorizer })
    const peer = await welcomeBy(transport, url)
    const reply = await ask(peer, { type: 'subscribe', topics: ['secret/1', 'secret/2'] })
    expect(reply).toMatchObject({ topics: [] })
    expect(refusedCodes(reply)).toEqual([
      ['secret/1', 'forbidden'],
      ['secret/2', 'forbidden'],
    ])
    expect(await ask(peer, { type: 'subscribe', topics: ['a', 'b'] })).toEqual({ topics: ['a', 'b'] })
    expect(await ask(peer, { type: 'subscribe', topics: ['a', 'slow'] })).toEqual({ topics: ['a', 'slow'] })
  })
})
