import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { Plugin } from 'rookery'
import { nats } from 'rookery/nats'
import { expect, vi } from 'vitest'
import { type HistoryOptions, history } from '../../plugins/history/index.ts'
import { startApp, type TestApp } from './app.ts'
import { type BareClient, connectBare, type Received } from './bare-client.ts'

/** Starts an app with history on a nats-server. */
export const startHistoryNode = (
  servers: string | string[],
  options: Partial<HistoryOptions> = {},
  plugins: readonly Plugin[] = [],
): Promise<TestApp> =>
  startApp({
    plugins: [
      nats({ servers, reconnectTimeWait: 50 }),
      ...plugins,
      history({ topics: ['kept/*'], ...options }),
    ],
  })

/** The state of the history in `/readyz`. */
export const historyStatus = async ({ url }: TestApp): Promise<string> => {
  const answer = (await (await fetch(`${url}/readyz`)).json()) as { checks: { history: string } }
  return answer.checks.history
}

export const untilHistory = async (status: string, ...nodes: readonly TestApp[]): Promise<void> => {
  await vi.waitFor(
    async () => {
      for (const node of nodes) expect(await historyStatus(node)).toBe(status)
    },
    { timeout: 60_000, interval: 10 },
  )
}

/** A client that subscribes to all kept topics. */
export interface KeptClient {
  readonly client: BareClient
  /** Payloads of the messages of kept topics, in the order of arrival. */
  readonly payloads: readonly unknown[]
  /** The cursor of the last message, or of the reply. */
  readonly cursor: string
  /** The end of the replay. */
  replayed(): Promise<Received>
  /** Resolves when the messages so far have these payloads. */
  untilGot(payloads: readonly unknown[]): Promise<void>
}

export const subscribeKept = async ({ url }: TestApp, since?: unknown, query = ''): Promise<KeptClient> => {
  const client = await connectBare(url, query)
  const reply = await client.ask({
    type: 'subscribe',
    topics: ['kept/*'],
    ...(since !== undefined && { since }),
  })
  const messages = () => client.frames.filter(({ topic }) => topic?.startsWith('kept/'))
  return {
    client,
    get payloads() {
      return messages().map(({ payload }) => payload)
    },
    get cursor() {
      return (messages().at(-1)?.cursor ?? reply.payload.cursor) as string
    },
    replayed: () => client.until(({ type }) => type === 'replayed'),
    untilGot: (payloads) =>
      vi.waitFor(() => expect(messages().map(({ payload }) => payload)).toEqual(payloads), {
        timeout: 60_000,
        interval: 10,
      }),
  }
}

/** Calls JetStream itself, without Rookery. */
export const withJetStream = async <T>(
  servers: string | string[],
  use: (manager: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<T>,
): Promise<T> => {
  const connection = await connect({ servers })
  try {
    return await use(await jetstreamManager(connection))
  } finally {
    await connection.close()
  }
}
