import type { Random } from '../../../plugins/testing/random.ts'
import { Login } from '../logins.ts'
import { untilNone } from '../until.ts'
import { type ClientsRecord, KeptClient } from './kept-client.ts'
import type { KeptStream } from './kept-stream.ts'
import { ALL, TOPICS, WILDCARDS } from './messages.ts'

/** Clients that connect at the same time. */
const BATCH = 100
/** Milliseconds within which clients must be connected and current. */
const CURRENT_MS = 60_000
/** One of so many clients listens to all topics. */
const ALL_SHARE = 40
const MAX_PATTERNS = 3

/** Numbers of clients, half of them over WebSocket and half over server-sent events. */
export class KeptClients {
  readonly all: readonly KeptClient[]
  readonly #record: ClientsRecord

  private constructor(all: readonly KeptClient[], record: ClientsRecord) {
    this.all = all
    this.#record = record
  }

  /**
   * Connects clients to a server that has published nothing yet, so that each of them must get the whole stream.
   *
   * @param lifetime of their tokens, in seconds
   */
  static async connect(
    url: string,
    count: number,
    lifetime: number,
    random: Random,
    record: ClientsRecord,
  ): Promise<KeptClients> {
    const all: KeptClient[] = []
    const clients = new KeptClients(all, record)
    while (all.length < count) {
      const end = Math.min(count, all.length + BATCH)
      for (let index = all.length; index < end; index++) {
        const kind = index % 2 === 0 ? 'websocket' : 'sse'
        const login = new Login(`user${index}`, lifetime)
        all.push(new KeptClient(`client${index}`, kind, url, login, pickPatterns(random), record))
      }
      await clients.untilCurrent()
    }
    return clients
  }

  /** Waits until all are connected and have got what they had missed. */
  async untilCurrent(): Promise<void> {
    const late = await untilNone(() => this.all.filter(({ isCurrent }) => !isCurrent).map(String), CURRENT_MS)
    for (const name of late) this.#record.violations.add('not current', `${name} after ${CURRENT_MS} ms`)
  }

  /** Waits until all have got the messages of the stream, and compares them with it one by one. */
  async check(stream: KeptStream): Promise<void> {
    await this.untilCurrent()
    const all = this.all.flatMap(({ received }) => received)
    await untilNone(
      () =>
        all
          .filter(({ pattern, numbers }) => numbers.length < stream.matching(pattern).length)
          .map(({ name }) => name),
      CURRENT_MS,
    )
    for (const received of all) stream.checkReceived(received, this.#record.violations)
  }

  close(): void {
    for (const client of this.all) client.close()
  }
}

const pickPatterns = ({ below, pick }: Random): string[] => {
  const patterns = new Set<string>()
  if (below(ALL_SHARE) === 0) patterns.add(ALL)
  for (let left = 1 + below(MAX_PATTERNS); left > 0; left--)
    patterns.add(pick(below(2) === 0 ? TOPICS : WILDCARDS))
  return [...patterns].slice(0, MAX_PATTERNS)
}
