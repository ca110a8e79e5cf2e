import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { type Client, createClient } from 'rookery/client'
import { expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { ChatContract, ChatMessage } from '../../examples/chat/contract.ts'
import { freePort, startProcess } from '../support/processes.ts'

const TOPIC = 'rooms/lobby/messages'

const example = (file: string): string =>
  fileURLToPath(new URL(`../../examples/cluster/${file}`, import.meta.url))

/** Runs the cluster example on the built package: NATS, three nodes and a balancer. */
const startExample = async () => {
  const port = await freePort()
  const running = await startProcess(process.execPath, ['--import', 'tsx', example('start.ts')], {
    env: { PORT: String(port), TSX_TSCONFIG_PATH: example('tsconfig.json') },
    ready: /^One chat on 3 nodes/,
  })
  // The example ends its own processes.
  onTestFinished(async () => void (await running.kill('SIGTERM')))
  return { url: `http://localhost:${port}` }
}

/** The ids of the running nodes, as the panel of the page gets them. */
const nodesOf = async (url: string): Promise<string[]> =>
  (await (await fetch(`${url}/tour/nodes`)).json()) as string[]

/** Connects a member of the lobby. */
const enter = (url: string, username: string): Client<ChatContract> => {
  const reconnect = { min: 50, max: 500 }
  const client = createClient<ChatContract>({ url, params: { username }, WebSocket, reconnect })
  onTestFinished(() => client.close())
  client.join('lobby')
  return client
}

const say = (client: Client<ChatContract>, text: string): Promise<unknown> =>
  client.call('chat/send', { id: randomUUID(), text }, { timeout: 60_000 })

it('the chat of the cluster example loses no message when all its nodes are killed', async () => {
  const { url } = await startExample()
  const nodes = await nodesOf(url)
  expect(nodes).toHaveLength(3)
  const [ada, bob] = [enter(url, 'ada'), enter(url, 'bob')]
  const messages: ChatMessage[] = []
  const subscription = ada.subscribe(TOPIC, (message) => messages.push(message))
  const gaps: string[] = []
  subscription.on('gap', ({ reason }) => gaps.push(reason))
  await subscription.ready
  await say(bob, 'before')
  await vi.waitFor(() => expect(messages).toHaveLength(1))

  expect((await fetch(`${url}/tour/kill?node=unknown`, { method: 'POST' })).status).toBe(404)
  const foreign = { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } }
  expect((await fetch(`${url}/tour/kill?node=${nodes[0]}`, foreign)).status).toBe(403)
  for (const node of nodes) {
    expect((await fetch(`${url}/tour/kill?node=${node}`, { method: 'POST' })).status).toBe(202)
  }
  await vi.waitFor(() => expect([ada.state, bob.state]).not.toContain('open'))
  const carl = enter(url, 'carl')
  await Promise.all([say(bob, 'bob was offline'), say(carl, 'carl is new')])
  await say(bob, 'after')
  await vi.waitFor(() => expect(messages).toHaveLength(4))

  const latest: ChatMessage[] = []
  carl.subscribe(TOPIC, (message) => latest.push(message), { since: { last: 50 } })
  await vi.waitFor(() => expect(latest).toHaveLength(4))
  expect(messages).toEqual(latest)
  expect(messages.map(({ text }) => text).toSorted()).toEqual([
    'after',
    'before',
    'bob was offline',
    'carl is new',
  ])
  expect(gaps).toEqual([])
  const others = await nodesOf(url)
  expect(others.filter((node) => nodes.includes(node))).toEqual([])
})
