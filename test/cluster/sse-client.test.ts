import { type Client, createClient, sse } from 'rookery/client'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Balancer, createChoices, type Node, startNodes } from './sse-support.ts'

const NOTHING = { sessions: 0, patterns: 0, nodes: 0 }

const connect = (url: string): Client => {
  const client = createClient({ url, transports: [sse()], reconnect: { min: 5, max: 50 } })
  onTestFinished(() => client.close())
  return client
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

/** Starts nodes behind a balancer, whose handlers record the payloads that they receive. */
const start = async (purpose: string, count: number, options = {}) => {
  const random = createChoices(purpose)
  const noted = new Map<string, unknown[]>()
  const { cluster, nodes } = await startNodes(count, {
    ...options,
    prepare: (app) => {
      app.handle('note', (_ctx, payload) => {
        const { from, number } = payload as { from: string; number: number }
        noted.set(from, [...(noted.get(from) ?? []), number])
        return number
      })
    },
  })
  const balancer = await Balancer.listen(nodes, random)
  return { cluster, nodes, balancer, random, noted }
}

/** Returns the node that owns a client's session. */
const ownerOf = (nodes: readonly Node[], client: Client): Node =>
  nodes.find(({ id }) => client.session?.startsWith(`${id}-`)) as Node

/** Lets clients send and receive numbers around an event. Each must send and receive all, once and in order. */
const talk = async (
  { nodes, random, noted }: Awaited<ReturnType<typeof start>>,
  clients: readonly Client[],
  last: number,
  meanwhile: (number: number) => void = () => {},
) => {
  const heard = clients.map((): unknown[] => [])
  await Promise.all(
    clients.map((client, index) => client.subscribe('count', (payload) => heard[index]?.push(payload)).ready),
  )
  const publisher = random.pick(nodes)
  for (const number of numbers(last)) {
    await publisher.app.publish('count', number)
    clients.forEach((client, index) => void client.send('note', { from: `${index}`, number }))
    meanwhile(number)
    // Yields, so that some frames arrive before the next is sent.
    if (number % 3 === 0) {
      const kept = () => expect(heard[0]?.length).toBeGreaterThan(number - 20)
      await vi.waitFor(kept, { interval: 1 })
    }
  }
  await vi.waitFor(
    () => {
      expect(heard.map(({ length }) => length)).toEqual(clients.map(() => last))
      expect(clients.map((_, index) => noted.get(`${index}`)?.length)).toEqual(clients.map(() => last))
    },
    { timeout: 30_000 },
  )
  for (const [index, payloads] of heard.entries()) {
    expect(payloads).toEqual(numbers(last))
    expect(noted.get(`${index}`)).toEqual(numbers(last))
  }
}

describe('the client behind a balancer without sticky sessions', () => {
  it('delivers every frame of many clients in order', async () => {
    const started = await start('many clients', 3)
    const clients = numbers(20).map(() => connect(started.balancer.url))
    await talk(started, clients, 60)
    const served = (node: Node) =>
      started.balancer.requests.filter(({ target }) => target === node.url).length
    for (const node of started.nodes) expect(served(node)).toBeGreaterThan(5)
    await Promise.all(clients.map((client) => client.close()))
    await vi.waitFor(() =>
      expect(started.nodes.map(({ app }) => app.usage)).toEqual([NOTHING, NOTHING, NOTHING]),
    )
  })

  it('loses and repeats no message while its streams break repeatedly', async () => {
    const started = await start('broken streams', 3)
    const clients = numbers(8).map(() => connect(started.balancer.url))
    const closed = vi.fn()
    for (const client of clients) client.on('close', closed)
    await talk(started, clients, 150, (number) => {
      if (number % 10 === 0) started.balancer.cut(30)
    })
    expect(closed).not.toHaveBeenCalled()
    const resumed = started.balancer.requests.filter(({ url }) => url.includes('?session='))
    expect(new Set(resumed.map(({ target }) => target)).size).toBe(3)
    expect(started.nodes.reduce((sum, { app }) => sum + app.sessions.size, 0)).toBe(8)
  })

  it('polls through any node when a proxy holds streams back', async () => {
    const started = await start('polling', 3)
    started.balancer.buffers = true
    const clients = numbers(4).map(() => connect(started.balancer.url))
    await vi.waitFor(() => expect(clients.map(({ state }) => state)).toEqual(clients.map(() => 'open')))
    await talk(started, clients, 60)
  })

  it('resumes at another node when the node that holds its stream stops', async () => {
    const started = await start('a relay stops', 3)
    const { nodes, balancer } = started
    const client = connect(balancer.url)
    // Its answer shows that the client has acknowledged `welcome`: until then, a broken stream ends the session.
    expect(await client.call('echo', 1)).toBe(1)
    const { session } = client
    const owner = ownerOf(nodes, client)
    const [relay, spare] = nodes.filter((node) => node !== owner) as [Node, Node]
    // The stream has to continue at the remaining node.
    balancer.targets = [relay.url]
    balancer.cut(100)
    await vi.waitFor(() => expect(relay.running()).toBeGreaterThan(0))
    const stopped = vi.fn()
    await talk({ ...started, nodes: [owner, spare] }, [client], 60, (number) => {
      if (number !== 20) return
      balancer.targets = [spare.url]
      void relay.app.stop().then(stopped)
    })
    await vi.waitFor(() => expect(stopped).toHaveBeenCalledOnce())
    expect(client.session).toBe(session)
  })

  it.each(['stops', 'is cut off'])(
    'gets a new session when the node that owns its session %s',
    async (what) => {
      const started = await start(`an owner ${what}`, 3)
      const { cluster, nodes, balancer } = started
      const client = connect(balancer.url)
      const heard: unknown[] = []
      await client.subscribe('news', (payload) => heard.push(payload)).ready
      const { session } = client
      const owner = ownerOf(nodes, client)
      const others = nodes.filter((node) => node !== owner)
      balancer.targets = others.map(({ url }) => url)
      if (what === 'stops') await owner.app.stop()
      else {
        // A stream of the owner's own is cut with it, as by the network.
        cluster.cut(owner.id)
        balancer.cut(100)
      }
      await vi.waitFor(() => expect([client.state, client.session !== session]).toEqual(['open', true]))
      expect(await client.call('note', { from: 'it', number: 1 })).toBe(1)
      await others[0]?.app.publish('news', 'again')
      await vi.waitFor(() => expect(heard).toEqual(['again']))
    },
  )
})
