import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { RookeryError } from 'rookery'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { NodeRegistry } from '../../core/cluster/nodes.ts'
import { verifies } from '../requirements.ts'
import { ask, createChoices, type Node, open, refusal, resume, startNodes } from './sse-support.ts'

const NOTHING = { sessions: 0, patterns: 0, nodes: 0 }

const two = async (options = {}) => {
  const { cluster, nodes } = await startNodes(2, options)
  const [owner, other] = nodes as [Node, Node]
  return { cluster, owner, other }
}

const payloads = ({ frames }: { frames: readonly { topic?: string; payload?: unknown }[] }) =>
  frames.filter(({ topic }) => topic !== undefined).map(({ payload }) => payload)

describe('a request at a node that does not own the session', () => {
  it('is applied by the owner, once and in order', async () => {
    const { owner, other } = await two()
    verifies('delivery.sse.every-node')
    const { reader, session } = await open(owner.at)
    const frame = (seq: number) => ({ topic: 'echo', payload: seq, id: seq, seq })
    const post = (node: Node, body: unknown) => ask(`${node.at}/${session}`, 'POST', body)
    expect(await post(other, [frame(2), frame(3)])).toEqual({ status: 200, body: { next: 1 } })
    expect(await post(other, frame(1))).toEqual({ status: 200, body: { next: 4 } })
    expect(await post(owner, frame(1))).toEqual({ status: 200, body: { next: 4 } })
    expect(await post(other, [frame(3), frame(4)])).toEqual({ status: 200, body: { next: 5 } })
    await reader.until(({ id }) => id === 4)
    expect(reader.frames.slice(1).map(({ id }) => id)).toEqual([1, 2, 3, 4])
  })

  it('is refused with the code of the node that refuses it', async () => {
    const { owner, other } = await two()
    const { session } = await open(owner.at)
    const url = `${other.at}/${session}`
    expect(await refusal(url, 'POST', { topic: 'echo', seq: 1000 })).toEqual([409, 'out_of_window'])
    expect(await refusal(url, 'POST', { topic: 'echo', seq: 'x' })).toEqual([400, 'bad_frame'])
    const plain = await fetch(url, { method: 'POST', body: '{}', headers: { 'content-type': 'text/plain' } })
    expect(plain.status).toBe(415)
    expect(await refusal(`${url}0`, 'POST', {})).toEqual([404, 'unknown_session'])
    expect(await refusal(`${url}0`, 'DELETE')).toEqual([404, 'unknown_session'])
    expect(await refusal(`${other.at}?session=${session}&received=9`)).toEqual([404, 'unknown_session'])
    expect(await refusal(`${other.at}?session=${session}&received=x`)).toEqual([404, 'unknown_session'])
    for (const nobody of ['nobody', 'abc123-0123', `${other.id}-0123`, `${owner.id}-0123`]) {
      expect(await refusal(`${other.at}/${nobody}`, 'POST', {})).toEqual([404, 'unknown_session'])
      expect(await refusal(`${other.at}?session=${nobody}&received=1`)).toEqual([404, 'unknown_session'])
    }
  })

  it('ends the session when the client leaves', async () => {
    const { owner, other } = await two()
    const { reader, session } = await open(owner.at, '&topic=news')
    expect((await ask(`${other.at}/${session}`, 'DELETE')).status).toBe(204)
    await vi.waitFor(() => expect([reader.ended, owner.app.usage]).toEqual([true, NOTHING]))
  })

  it('is refused with a retryable error when the owner does not answer, or this node is cut off', async () => {
    const { cluster, owner, other } = await two()
    const { session } = await open(owner.at)
    const silent = vi
      .spyOn(other.app.cluster, 'askNode')
      .mockRejectedValue(new RookeryError('node_unreachable'))
    expect(await refusal(`${other.at}/${session}`, 'POST', {})).toEqual([504, 'node_unreachable'])
    expect(await refusal(`${other.at}/${session}`, 'DELETE')).toEqual([504, 'node_unreachable'])
    expect(await refusal(`${other.at}?session=${session}&received=1`)).toEqual([504, 'node_unreachable'])
    silent.mockRestore()
    const third = await two()
    cluster.cut(other.id)
    expect(await refusal(`${other.at}/${session}`, 'POST', {})).toEqual([503, 'cluster_unavailable'])
    expect(await refusal(`${third.other.at}/${session}`, 'POST', {})).toEqual([404, 'unknown_session'])
    expect((await ask(`${owner.at}/${session}`, 'POST', [])).status).toBe(200)
  })

  it('leaves no stream at the owner when the owner’s answer is lost', async () => {
    const { owner, other } = await two({ grace: 50 })
    const { session } = await open(owner.at)
    const askNode = other.app.cluster.askNode.bind(other.app.cluster)
    vi.spyOn(other.app.cluster, 'askNode').mockImplementation(async (node, method, ...more) => {
      const answer = await askNode(node, method, ...more)
      if (method === 'sse.attach') throw new RookeryError('node_unreachable')
      return answer
    })
    expect(await refusal(`${other.at}?session=${session}&received=1`)).toEqual([504, 'node_unreachable'])
    await vi.waitFor(() => expect(owner.app.usage).toEqual(NOTHING))
  })

  it('is refused from outside the cluster', async () => {
    const { owner } = await two()
    const { session } = await open(owner.at)
    const question = { to: `$node/${owner.id}`, method: 'sse.leave', payload: { session } }
    expect(() => (owner.app.cluster as NodeRegistry).asked(question, null)).toThrow(
      expect.objectContaining({ code: 'forbidden' }),
    )
  })
})

describe('a stream that resumes at another node', () => {
  it('delivers the frames that its client missed once, at any node', async () => {
    const { nodes } = await startNodes(3)
    verifies('delivery.sse.every-node')
    const [owner, second, third] = nodes as [Node, Node, Node]
    const { reader, session } = await open(owner.at, '&topic=news')
    for (const number of [1, 2]) await owner.app.publish('news', number)
    await reader.until(({ payload }) => payload === 2)
    reader.close()
    for (const number of [3, 4]) await owner.app.publish('news', number)
    // Pretends that the second message was lost on the way.
    const relayed = await resume(second.at, session, 2)
    await third.app.publish('news', 5)
    await relayed.until(({ payload }) => payload === 5)
    expect(payloads(relayed)).toEqual([2, 3, 4, 5])
    // The server does not know yet that the client has stopped reading.
    const next = await resume(third.at, session, 6)
    await owner.app.publish('news', 6)
    await next.until(({ payload }) => payload === 6)
    await vi.waitFor(() => expect(relayed.ended).toBe(true))
    const home = await resume(owner.at, session, 7)
    await second.app.publish('news', 7)
    await home.until(({ payload }) => payload === 7)
    expect([payloads(relayed), payloads(next), payloads(home)]).toEqual([[2, 3, 4, 5], [6], [7]])
    await vi.waitFor(() => expect(next.ended).toBe(true))
    expect(nodes.map(({ app }) => app.sessions.size)).toEqual([1, 0, 0])
  })

  it('has the headers of a stream, and comments that are never within an event', async () => {
    const { owner, other } = await two({ heartbeat: 1 })
    const { reader, session } = await open(owner.at, '&topic=news')
    reader.close()
    const relayed = await resume(other.at, session, 1)
    expect(relayed.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    await relayed.untilText((text) => text.startsWith(': hello\n\n') && text.includes(': heartbeat\n\n'))
    // Larger than one message between nodes, of multi-byte characters that must not be split.
    const long = ['x', '', '\n'].map((start) => start + '🎉é'.repeat(150_000))
    for (const text of long) await owner.app.publish('news', text)
    await vi.waitFor(() => expect(relayed.frames).toHaveLength(3))
    expect(payloads(relayed)).toEqual(long)
  })

  it('polls through any node', async () => {
    const random = createChoices('polls')
    const { nodes } = await startNodes(3, { heartbeat: 50 })
    const owner = nodes[0] as Node
    const { reader, session } = await open(owner.at, '&topic=news&mode=poll')
    await vi.waitFor(() => expect(reader.ended).toBe(true))
    const got: unknown[] = []
    const numbers = Array.from({ length: 40 }, (_, index) => index)
    for (const number of numbers) {
      if (random.below(2) > 0) await random.pick(nodes).app.publish('news', number)
      else void Promise.resolve().then(() => random.pick(nodes).app.publish('news', number))
      while (got.length <= number) {
        const poll = await resume(random.pick(nodes).at, session, 1 + got.length, '&mode=poll')
        await vi.waitFor(() => expect(poll.ended).toBe(true), { interval: 1 })
        got.push(...payloads(poll))
      }
    }
    expect(got).toEqual(numbers)
    await ask(`${random.pick(nodes).at}/${session}`, 'DELETE')
    await vi.waitFor(() => expect(owner.app.usage).toEqual(NOTHING))
  })

  it('ends with its session, after the last frames', async () => {
    const { owner, other } = await two()
    const { session } = await open(owner.at, '&topic=news')
    const relayed = await resume(other.at, session, 1)
    await owner.app.publish('news', 1)
    await owner.app.sessions.disconnect({ session })
    await vi.waitFor(() => expect(relayed.ended).toBe(true))
    expect(relayed.frames).toMatchObject([
      { payload: 1 },
      { type: 'close', error: { code: 'session_closed' } },
    ])
    expect(owner.app.usage).toEqual(NOTHING)
  })

  it('leaves the session waiting for the grace when the client disconnects', async () => {
    const { owner, other } = await two({ grace: 100 })
    const { session } = await open(owner.at, '&topic=news')
    const relayed = await resume(other.at, session, 1)
    relayed.close()
    const again = await resume(other.at, session, 1)
    await owner.app.publish('news', 1)
    await again.until(({ payload }) => payload === 1)
    again.close()
    await vi.waitFor(() => expect(owner.app.usage).toEqual(NOTHING))
    expect(await refusal(`${other.at}?session=${session}&received=2`)).toEqual([404, 'unknown_session'])
  })

  it('closes the session of a client that does not read as a slow consumer', async () => {
    const { owner, other } = await two({ limits: { maxBuffered: 200_000 }, closeTimeout: 100 })
    const { session } = await open(owner.at, '&topic=news')
    const closed: unknown[] = []
    owner.app.sessions.onClose((_session, error) => closed.push(error?.code))
    const request = get(`${other.at}?session=${session}&received=1`, { agent: false })
    onTestFinished(() => void request.destroy())
    request.on('error', () => {})
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.on('error', () => {})
    response.pause()
    let published = 0
    while (closed.length === 0 && published < 100_000_000) {
      await owner.app.publish('news', 'x'.repeat(10_000))
      published += 10_000
      await new Promise(setImmediate)
    }
    expect(closed).toEqual(['slow_consumer'])
    // More than the owner may buffer; bytes in the kernels of both sides do not count against the client.
    expect(published).toBeGreaterThan(500_000)
    // The response is not kept while the client does not read it.
    await vi.waitFor(() => expect(other.running()).toBe(0))
    expect(owner.app.usage).toEqual(NOTHING)
  })
})

describe('nodes that come and go', () => {
  it('a node that stops ends the streams it holds for others, and they resume at another node', async () => {
    const { nodes } = await startNodes(3)
    const [owner, second, third] = nodes as [Node, Node, Node]
    const { session } = await open(owner.at, '&topic=news')
    const relayed = await resume(second.at, session, 1)
    await owner.app.publish('news', 1)
    await relayed.until(({ payload }) => payload === 1)
    await second.app.stop()
    await vi.waitFor(() => expect(relayed.ended).toBe(true))
    await owner.app.publish('news', 2)
    const next = await resume(third.at, session, 2)
    await next.until(({ payload }) => payload === 2)
    expect(payloads(next)).toEqual([2])
  })

  it('tells clients at other nodes when the owner of their session stops', async () => {
    const { owner, other } = await two()
    const { session } = await open(owner.at)
    const relayed = await resume(other.at, session, 1)
    await owner.app.stop()
    await vi.waitFor(() => expect(relayed.ended).toBe(true))
    expect(relayed.frames).toMatchObject([{ type: 'close', error: { code: 'shutting_down' } }])
    expect(await refusal(`${other.at}?session=${session}&received=1`)).toEqual([404, 'unknown_session'])
  })

  it('streams end on both sides when one node is lost, and the session waits for its client', async () => {
    const { cluster, owner, other } = await two({ grace: 2_000 })
    const { session } = await open(owner.at, '&topic=news')
    const relayed = await resume(other.at, session, 1)
    cluster.cut(other.id)
    await vi.waitFor(() => expect(relayed.ended).toBe(true))
    await owner.app.publish('news', 1)
    const home = await resume(owner.at, session, 1)
    await home.until(({ payload }) => payload === 1)
    cluster.heal(other.id)
    const again = await resume(other.at, session, 1)
    await again.until(({ payload }) => payload === 1)
  })

  it('streams are reopened when their node was cut off for a moment, since frames may be lost', async () => {
    const { owner, other } = await two()
    const { session } = await open(owner.at, '&topic=news')
    for (const [here, there] of [
      [owner, other],
      [other, owner],
    ] as const) {
      const relayed = await resume(other.at, session, 1)
      ;(here.app.cluster as NodeRegistry).changed(there.id, 'restored')
      await vi.waitFor(() => expect(relayed.ended).toBe(true))
    }
  })

  it('leave nothing behind, whichever way streams end', async () => {
    const { owner, other } = await two({ grace: 20 })
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const before = timers()
    await Promise.all(
      Array.from({ length: 60 }, async (_, number) => {
        const { reader, session } = await open(owner.at, '&topic=news')
        const mode = number % 2 === 0 ? '&mode=poll' : ''
        const relayed = await resume(other.at, session, 1, mode)
        if (number % 3 === 0) await ask(`${other.at}/${session}`, 'DELETE')
        if (number % 3 === 1) await owner.app.publish('news', number)
        relayed.close()
        reader.close()
      }),
    )
    await vi.waitFor(() => expect(owner.app.usage).toEqual(NOTHING))
    await vi.waitFor(() => expect([owner.running(), other.running()]).toEqual([0, 0]))
    // vi.waitFor uses timers of its own while it waits.
    await vi.waitFor(() => expect(timers()).toBeLessThanOrEqual(before + 2))
    expect([...owner.lines, ...other.lines].filter(({ level }) => level === 'error')).toEqual([])
  })
})
