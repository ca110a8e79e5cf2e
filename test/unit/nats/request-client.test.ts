import { describe, expect, it, vi } from 'vitest'
import { open } from '../../../plugins/nats/envelope.ts'
import type { Link } from '../../../plugins/nats/managed-connection.ts'
import { Voice } from '../../../plugins/nats/node-channel.ts'
import { Questions } from '../../../plugins/nats/request-client.ts'
import { recordingLogger } from '../../support/app.ts'

/** A node `a` with others, and a link that leads nowhere: a real one cannot answer out of order. */
const start = (...others: readonly string[]) => {
  const published: { readonly subject: string; readonly text: string; readonly reply?: string }[] = []
  const fences: string[] = []
  const link = { connected: true, maxPayload: 1000, takes: true }
  const publish = (subject: string, text: string, reply?: string) => {
    if (link.takes) published.push({ subject, text, ...(reply !== undefined && { reply }) })
    return link.takes
  }
  const voice = new Voice('a', Object.assign(link, { publish }) as unknown as Link, recordingLogger())
  const questions = new Questions(voice, {
    inbox: 'inbox',
    subject: (address) => address,
    others: () => others,
    fence: (reply) => fences.push(reply),
  })
  const lastId = () => published.at(-1)?.reply?.split('.').at(-1) as string
  const answer = (node: string, payload?: string, id = lastId()) =>
    questions.answered(id, { node, id: '1', note: undefined, payload })
  const pass = (node: string) => questions.passed(fences.at(-1)?.split('.').at(-1) as string, node)
  return { questions, link, published, fences, lastId, answer, pass }
}

describe('a question', () => {
  it('says who asks, what, and how long they wait', async () => {
    const { questions, published, answer } = start('b')
    const asked = questions.ask({ to: '$node/b', method: 'm', payload: { x: 1 }, timeout: 50 })
    expect(published).toMatchObject([{ subject: '$node/b', reply: 'inbox.answer.1' }])
    expect(open(published[0]?.text ?? '')).toMatchObject({
      node: 'a',
      note: { method: 'm', timeout: 50 },
      payload: '{"x":1}',
    })
    answer('b', '2')
    expect(await asked).toEqual({ items: [{ node: 'b', value: 2 }], missing: [] })
  })

  it('to one node or session has one answer and needs no fence', async () => {
    for (const to of ['$node/b', '$session/b-1']) {
      const { questions, fences, answer } = start('b', 'c', 'd')
      const asked = questions.ask({ to, method: 'm' })
      answer('b')
      expect(await asked).toEqual({ items: [{ node: 'b', value: undefined }], missing: [] })
      expect(fences).toEqual([])
    }
  })

  it('to all who have to do with it ends when every node has answered or passed the fence', async () => {
    const { questions, fences, answer, pass } = start('b', 'c', 'd')
    const asked = questions.ask({ to: '$room/1', method: 'm', timeout: 60_000 })
    answer('b', '1')
    expect(fences).toHaveLength(1)
    pass('b')
    pass('c')
    answer('d', '2')
    expect(await asked).toEqual({
      items: [
        { node: 'b', value: 1 },
        { node: 'd', value: 2 },
      ],
      missing: [],
    })
    expect(fences).toHaveLength(1)
  })

  it('that nobody answers in time tells who is missing', async () => {
    const { questions, answer, pass } = start('b', 'c', 'd')
    const asked = questions.ask({ to: '$room/1', method: 'm', timeout: 20 })
    answer('b', '1')
    pass('c')
    expect(await asked).toEqual({ items: [{ node: 'b', value: 1 }], missing: ['d'] })
  })

  it('that nobody listens to is over at once, unless it is thorough', async () => {
    const { questions, lastId, pass } = start('b', 'c')
    const asked = questions.ask({ to: '$room/1', method: 'm', timeout: 60_000 })
    questions.nobody(lastId())
    expect(await asked).toEqual({ items: [], missing: [] })
    const thorough = questions.ask({ to: '$room/1', method: 'm', timeout: 20, thorough: true })
    questions.nobody(lastId())
    pass('b')
    expect(await thorough).toEqual({ items: [], missing: ['c'] })
    const node = questions.ask({ to: '$node/b', method: 'm', timeout: 60_000 })
    questions.nobody(lastId())
    expect(await node).toEqual({ items: [], missing: ['b'] })
  })

  it('ignores what comes too late, twice, or for nobody', async () => {
    const { questions, lastId, answer, pass } = start('b', 'c')
    const asked = questions.ask({ to: '$room/1', method: 'm', timeout: 10 })
    const id = lastId()
    answer('b', '1')
    answer('b', '1')
    expect(await asked).toEqual({ items: [{ node: 'b', value: 1 }], missing: ['c'] })
    answer('c', '2', id)
    pass('c')
    questions.nobody(id)
    questions.nobody('none')
  })

  it('in flight fails when the connection is lost, and its timers are gone', async () => {
    vi.useFakeTimers()
    try {
      const { questions, link, answer } = start('b', 'c')
      const asked = questions.ask({ to: '$room/1', method: 'm' })
      const refused = expect(asked).rejects.toMatchObject({ code: 'cluster_unavailable' })
      answer('b', '1')
      questions.fail(Object.assign(new Error(), { code: 'cluster_unavailable' }) as never)
      await refused
      expect(vi.getTimerCount()).toBe(0)
      link.connected = false
      await expect(questions.ask({ to: '$room/1', method: 'm' })).rejects.toMatchObject({
        code: 'cluster_unavailable',
      })
    } finally {
      vi.useRealTimers()
    }
  })

  it('that cannot leave fails: too large, not JSON, or no room on the way', async () => {
    const { questions, link } = start('b')
    const ask = (payload: unknown) => questions.ask({ to: '$node/b', method: 'm', payload })
    await expect(ask('x'.repeat(1000))).rejects.toMatchObject({ code: 'payload_too_large' })
    await expect(ask(1n)).rejects.toMatchObject({ code: 'unserializable' })
    link.takes = false
    await expect(ask(1)).rejects.toMatchObject({ code: 'cluster_unavailable' })
  })

  it('is not put to anybody when there is nobody', async () => {
    const { questions, published } = start()
    expect(await questions.ask({ to: '$user/x', method: 'm' })).toEqual({ items: [], missing: [] })
    expect(published).toEqual([])
  })
})
