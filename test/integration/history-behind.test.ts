import { history } from 'rookery/history'
import { sse } from 'rookery/sse'
import { expect, it, vi } from 'vitest'
import type { HistoryStoreHost, KeptMessage } from '../../core/history/store.ts'
import { CursorCodec } from '../../plugins/history/cursor.ts'
import { MemoryStore } from '../../plugins/history/memory-store.ts'
import { startApp } from '../support/app.ts'
import { connectBare } from '../support/bare-client.ts'
import { SseReader } from '../support/sse-reader.ts'

/** The store of a node that learns of stored messages later than other nodes. */
class LateStore extends MemoryStore {
  readonly #late: KeptMessage[] = []
  #host: HistoryStoreHost | undefined
  #delivered = 0
  isLate = false

  override get delivered(): number {
    return this.#delivered
  }

  override start(host: HistoryStoreHost): Promise<void> {
    this.#host = host
    return super.start({
      limits: host.limits,
      log: host.log,
      lost: (reason) => host.lost(reason),
      available: (isAvailable) => host.available(isAvailable),
      deliver: (message) => {
        this.#late.push(message)
        if (!this.isLate) this.catchUp()
      },
    })
  }

  catchUp(): void {
    for (const message of this.#late.splice(0)) {
      this.#delivered = message.seq
      this.#host?.deliver(message)
    }
  }
}

it('a client with a cursor of another node waits until this node has come as far: no gap, and nothing twice', async () => {
  const store = new LateStore()
  const { url, app } = await startApp({ plugins: [sse(), history({ topics: ['news'], store })] })
  await app.publish('news', 1)
  store.isLate = true
  await app.publish('news', 2)
  await app.publish('news', 3)
  const cursor = new CursorCodec(store.epoch, store.key).encode(2)
  const stream = await SseReader.open(`${url}/api/v1/sse?topic=news`, { 'last-event-id': cursor })
  const socket = await connectBare(url)
  socket.send({ type: 'subscribe', id: 1, topics: ['news'], since: cursor })
  await stream.until(({ type }) => type === 'welcome')
  // The answer shows that the server has read the frame before.
  socket.send('no frame')
  await socket.until(({ type }) => type === 'error')
  store.catchUp()
  await app.publish('news', 4)
  store.catchUp()
  for (const client of [stream, socket]) {
    expect(await client.until(({ type }) => type === 'replayed')).toMatchObject({ recovered: true })
    await vi.waitFor(() => {
      const payloads = client.frames.filter(({ topic }) => topic).map(({ payload }) => payload)
      expect(payloads).toEqual([3, 4])
    })
  }
})
