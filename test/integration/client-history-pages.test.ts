import { createClient } from 'rookery/client'
import { defineContract } from 'rookery/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { history } from '../../plugins/history/index.ts'
import { startApp } from '../support/app.ts'
import { clientBy } from '../support/client-transports.ts'

const start = async (options: Parameters<typeof startApp>[0] = {}) => {
  const started = await startApp({ ...options, plugins: [history({ topics: ['rooms/*'] })] })
  for (let number = 1; number <= 5; number++) await started.app.publish('rooms/42/messages', { number })
  return started
}

describe('client.history', () => {
  it('reads pages, with names in the pattern', async () => {
    const { url } = await start()
    const client = clientBy('websocket', url)
    const newest = await client.history('rooms/:room/messages', { last: 2 })
    expect(newest.messages).toEqual([
      {
        topic: 'rooms/42/messages',
        payload: { number: 4 },
        cursor: expect.any(String),
        time: expect.any(Number),
      },
      {
        topic: 'rooms/42/messages',
        payload: { number: 5 },
        cursor: expect.any(String),
        time: expect.any(Number),
      },
    ])
    const older = await client.history('rooms/*', { before: newest.next as string })
    expect(older.messages.map(({ payload }) => payload)).toEqual([
      { number: 1 },
      { number: 2 },
      { number: 3 },
    ])
    expect(older.next).toBeNull()
  })

  it('rejects as a call does', async () => {
    const { url } = await start()
    const client = clientBy('websocket', url)
    await expect(client.history('a b', { last: 1 })).rejects.toMatchObject({ code: 'invalid_pattern' })
    await expect(client.history('rooms/*', {})).rejects.toMatchObject({ code: 'invalid_payload' })
    const late = client.history('rooms/*', { last: 1, timeout: 0 })
    await expect(late).rejects.toMatchObject({ code: 'invalid_option' })
    const signal = AbortSignal.abort()
    await expect(client.history('rooms/*', { last: 1, signal })).rejects.toMatchObject({ code: 'aborted' })
    const without = await startApp()
    const other = clientBy('websocket', without.url)
    await expect(other.history('rooms/*', { last: 1 })).rejects.toMatchObject({ code: 'unknown_topic' })
  })

  it('has the types of the contract, and leaves out messages that are not valid', async () => {
    const contract = defineContract({
      topics: {
        'rooms/:room/messages': z.object({
          number: z
            .number()
            .min(3)
            .transform((one) => one * 10),
        }),
      },
    })
    const { url } = await start({ contract, strict: true, validateOutput: false })
    const client = createClient({ url, WebSocket, contract })
    onTestFinished(() => client.close())
    const errors: string[] = []
    client.on('error', ({ code }) => errors.push(code))
    const { messages } = await client.history('rooms/42/messages', { since: 'earliest' })
    const numbers: number[] = messages.map(({ payload }) => payload.number)
    expect(numbers).toEqual([30, 40, 50])
    expect(errors).toEqual(['invalid_payload', 'invalid_payload'])
    // @ts-expect-error the contract has no such topic
    await client.history('news', { last: 1 }).catch(() => {})
  })
})
