import { randomBytes } from 'node:crypto'
import { http } from 'rookery/http'
import { nats } from 'rookery/nats'
import { sse } from 'rookery/sse'
import { describe, expect, it, vi } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { connectPlain, useNats } from '../support/nats.ts'
import { ask, open, refusal, resume } from './sse-support.ts'

/** Starts two nodes on a nats-server, and counts the bytes of the requests between them. */
const startTwo = async () => {
  const server = await useNats()
  const start = () => startApp({ plugins: [sse(), nats({ servers: server.url })] })
  const nodes = [await start(), await start()] as [TestApp, TestApp]
  await vi.waitFor(() => expect(nodes.map(({ app }) => app.cluster.nodes().length)).toEqual([2, 2]))
  const wiretap = await connectPlain(server)
  const seen = { bytes: 0, requests: 0 }
  wiretap.subscribe('rookery.system.$node.>', {
    callback: (_error, message) => {
      seen.bytes += message.data.length
      seen.requests++
    },
  })
  await wiretap.flush()
  const [owner, other] = nodes.map((node) => ({
    ...node,
    id: node.app.cluster.node,
    at: `${node.url}/api/v1/sse`,
  }))
  return { owner: owner!, other: other!, seen, flush: () => wiretap.flush() }
}

describe('forged', () => {
  it('repro', async () => {
    const { owner, other, seen, flush } = await startTwo()
    const body = { topic: 'echo', payload: 'x'.repeat(60_000) }
    for (let n = 0; n < 100; n++) {
      const id = n % 2 ? `${owner.id}-0` : `${owner.id}-${randomBytes(32).toString('base64url')}`
      expect(await refusal(`${other.at}/${id}`, 'POST', body)).toEqual([404, 'unknown_session'])
    }
    await flush()
    console.log(seen)
  })
})
