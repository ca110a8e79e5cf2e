import { createClient, sse } from 'rookery/client'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { verifies } from '../requirements.ts'
import { ask, Balancer, createChoices, type Node, open, refusal, resume, startNodes } from './sse-support.ts'

/** So long that a session without a client is still there at the end of a test. */
const LONG = 60_000

const two = async () => {
  const { nodes } = await startNodes(2, { grace: LONG, closeTimeout: 500 })
  const [owner, other] = nodes as [Node, Node]
  const kick = () => {
    for (const session of owner.app.sessions) session.close()
  }
  return { nodes, owner, other, kick }
}

describe('at a node that does not own the session', () => {
  it('a client acknowledges frames, and gives frames up', async () => {
    const { owner, other } = await two()
    verifies('delivery.sse.every-node')
    const { reader, session } = await open(owner.at, '&topic=news')
    await owner.app.publish('news', 1)
    await reader.until(({ payload }) => payload === 1)
    const frame = { topic: 'echo', payload: 3, id: 3, seq: 3 }
    const answer = await ask(`${other.at}/${session}?received=2&from=3`, 'POST', frame)
    expect(answer).toEqual({ status: 200, body: { next: 4 } })
    await reader.until(({ id }) => id === 3)
    expect(await refusal(`${other.at}?session=${session}&received=1`)).toEqual([404, 'unknown_session'])
  })

  it.each(['', '&mode=poll'])('a client gets the last frames of a closed session (%s)', async (mode) => {
    const { owner, other, kick } = await two()
    const { reader, session } = await open(owner.at, '&topic=news&mode=poll')
    await vi.waitFor(() => expect(reader.ended).toBe(true))
    await vi.waitFor(() => expect(owner.running()).toBe(0))
    await owner.app.publish('news', 1)
    kick()
    const last = await resume(other.at, session, 1, mode)
    await vi.waitFor(() => expect(last.ended).toBe(true))
    expect(last.frames).toMatchObject([{ payload: 1 }, { type: 'close', error: { code: 'session_closed' } }])
  })

  it('a client whose stream is relayed gets the last frames and does not come back', async () => {
    const { nodes, owner, kick } = await two()
    const balancer = await Balancer.listen(nodes, createChoices('kicked'))
    balancer.targets = [owner.url]
    const client = createClient({ url: balancer.url, transports: [sse()] })
    onTestFinished(() => client.close())
    const heard: unknown[] = []
    const errors: string[] = []
    client.on('error', ({ code }) => errors.push(code))
    await client.subscribe('news', (payload) => heard.push(payload)).ready
    balancer.targets = nodes.filter((node) => node !== owner).map(({ url }) => url)
    const before = balancer.requests.length
    balancer.cut(100)
    await vi.waitFor(() => expect(balancer.requests.length).toBeGreaterThan(before))
    await owner.app.publish('news', 'last words')
    kick()
    client.send('echo', 1)
    await vi.waitFor(() => expect(client.state).toBe('closed'))
    expect([heard, errors]).toEqual([['last words'], ['session_closed']])
  })
})

describe('a client behind a balancer that holds streams back', () => {
  it('has one session, also if its second handshake reaches another node', async () => {
    const { nodes, owner, other } = await two()
    const balancer = await Balancer.listen(nodes, createChoices('buffered'))
    balancer.buffers = true
    balancer.targets = [owner.url]
    const client = createClient({ url: balancer.url, transports: [sse()] })
    onTestFinished(() => client.close())
    await vi.waitFor(() => expect(owner.app.sessions.size).toBe(1))
    balancer.targets = [other.url]
    await vi.waitFor(() => expect(client.state).toBe('open'))
    expect(client.session?.startsWith(`${other.id}-`)).toBe(true)
    await vi.waitFor(() => expect([owner.app.sessions.size, other.app.sessions.size]).toEqual([0, 1]))
  })
})
