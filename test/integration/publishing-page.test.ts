import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'rookery/client'
import { expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { readPages } from '../support/docs.ts'
import { run } from '../support/docs-run.ts'

const PAGE = 'docs/publishing-from-backends.md'

const sample = (name: string): string => {
  const block = readPages()
    .find(({ path }) => path === PAGE)
    ?.blocks.find((found) => found.name === name)
  if (!block) throw new Error(`${PAGE} has no block ${name}`)
  return block.code
}

it('a route as the page shows it publishes once for each id, and refuses what it must', async () => {
  const code = sample('server.ts')
  expect(code).toContain('port: 3000')
  expect(code).toContain('process.env.PUBLISH_SECRET')
  const server = run({
    'server.ts': code.replace('port: 3000', 'port: 0').replace('process.env.PUBLISH_SECRET', "'secret'"),
  })
  const [, url = ''] = await server.until(/"url":"([^"]+)"/)
  const client = createClient({ url, WebSocket })
  onTestFinished(() => client.close())
  const heard: unknown[] = []
  await client.subscribe('orders/*', (payload) => heard.push(payload)).ready

  const post = async (body: string, authorization = 'Bearer secret') => {
    const headers = { authorization, 'content-type': 'application/json' }
    const response = await fetch(`${url}/publish`, { method: 'POST', headers, body })
    return [response.status, ((await response.json()) as { code?: string }).code]
  }
  const paid = JSON.stringify({ topic: 'orders/7/state', payload: 'paid', id: 'paid-7' })
  expect(await post(paid)).toEqual([200, undefined])
  expect(await post(paid)).toEqual([200, undefined])
  expect(await post(paid, 'Bearer wrong')).toEqual([403, 'forbidden'])
  expect(await post('{"topic":"users/ada/inbox"}')).toEqual([422, 'invalid_payload'])
  expect(await post('no json')).toEqual([422, 'invalid_payload'])
  expect(await post('{"topic":"orders/ 7/state","payload":1}')).toEqual([422, 'invalid_topic'])
  expect(await post('{"topic":"orders/8/state","payload":"last"}')).toEqual([200, undefined])
  await vi.waitFor(() => expect(heard).toContain('last'))
  expect(heard).toEqual(['paid', 'last'])
})

interface Row {
  readonly id: number
  readonly topic: string
  readonly payload: unknown
}

/** Answers the statements of the worker from a list of rows, and restores the list at ROLLBACK. */
class FakeDb {
  rows: Row[]
  readonly statements: string[] = []
  #before: Row[] = []
  readonly #isLocked: boolean

  constructor(rows: Row[], isLocked = false) {
    this.rows = rows
    this.#isLocked = isLocked
  }

  async query(text: string, [ids]: unknown[] = []): Promise<{ rows: Record<string, unknown>[] }> {
    const [verb = ''] = text.split(' ')
    this.statements.push(verb)
    if (verb === 'BEGIN') this.#before = [...this.rows]
    if (verb === 'ROLLBACK') this.rows = this.#before
    if (verb === 'DELETE') this.rows = this.rows.filter(({ id }) => !(ids as number[]).includes(id))
    if (text.includes('advisory')) return { rows: [{ ok: !this.#isLocked }] }
    return { rows: verb === 'SELECT' ? this.rows.slice(0, 100).map((row) => ({ ...row })) : [] }
  }
}

it('the worker of the page publishes rows in order, and keeps them if that fails', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-outbox-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'outbox.ts'), sample('outbox.ts'))
  const { drainOnce } = (await import(join(folder, 'outbox.ts'))) as {
    drainOnce(db: FakeDb, publish: (...args: unknown[]) => Promise<void>): Promise<number>
  }
  const rows = Array.from({ length: 150 }, (_, id) => ({ id, topic: `orders/${id}/state`, payload: id }))
  const db = new FakeDb(rows)
  const published: unknown[][] = []
  const publish = async (...args: unknown[]) => void published.push(args)

  await expect(drainOnce(db, () => Promise.reject(new Error('away')))).rejects.toThrow('away')
  expect(db.rows).toEqual(rows)
  expect(db.statements.at(-1)).toBe('ROLLBACK')

  expect(await drainOnce(new FakeDb(rows, true), publish)).toBe(0)
  expect(await drainOnce(db, publish)).toBe(100)
  expect(await drainOnce(db, publish)).toBe(50)
  expect(await drainOnce(db, publish)).toBe(0)
  expect(published).toEqual(rows.map(({ id, topic }) => [topic, id, { id: `outbox-${id}` }]))
})
