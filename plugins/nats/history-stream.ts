import type { ConsumerConfig, JetStreamClient, JetStreamManager, StreamInfo } from '@nats-io/jetstream'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import type { KeptMessage } from '../../core/history/store.ts'
import type { Logger } from '../../core/util/logger.ts'
import { historyUnavailable } from './history-appends.ts'
import { decodeStored, unreadable } from './history-message.ts'
import {
  configOf,
  type HistoryState,
  limitsOf,
  newDescription,
  type StreamOptions,
  stateOf,
} from './history-stream-config.ts'
import {
  hasCode,
  NAME_IN_USE,
  NANOSECONDS_PER_MS,
  REPLICAS,
  STREAM_NOT_FOUND,
  TOO_FEW_SERVERS,
} from './jetstream.ts'

/** Time after which JetStream deletes a consumer of a node that has died. */
const CONSUMER_LIFE_MS = 10_000
/** Longest time that JetStream may take to answer. */
const ANSWER_WAIT_MS = 5_000

interface StreamSettings extends StreamOptions {
  readonly log: Logger
}

/** The stream of an app in JetStream. */
export class HistoryStream {
  readonly #manager: JetStreamManager
  readonly #client: JetStreamClient
  readonly #settings: StreamSettings

  private constructor(manager: JetStreamManager, client: JetStreamClient, settings: StreamSettings) {
    this.#manager = manager
    this.#client = client
    this.#settings = settings
  }

  /** Opens the stream, or creates it. */
  static async open(nats: NatsConnection, settings: StreamSettings): Promise<HistoryStream> {
    // An optional package, which an app needs only for its history.
    const { jetstream, jetstreamManager } = await import('@nats-io/jetstream')
    const manager = await jetstreamManager(nats, { timeout: ANSWER_WAIT_MS })
    const stream = new HistoryStream(manager, jetstream(nats, { timeout: ANSWER_WAIT_MS }), settings)
    const info = await stream.#findOrCreate()
    // Refuses the stream of another program before anything is changed.
    stateOf(info)
    await stream.#adapt(info, nats.info?.cluster !== undefined)
    return stream
  }

  async state(): Promise<HistoryState> {
    return stateOf(await this.#info())
  }

  /** Gives the stream a new epoch. */
  async renew(): Promise<void> {
    await this.#update({ description: newDescription() })
  }

  /** Number of the last message before a time. */
  async before(time: number): Promise<number> {
    const start = {
      deliver_policy: 'by_start_time',
      opt_start_time: new Date(Math.max(0, time)).toISOString(),
    } as const
    return await this.#withConsumer(start, async ({ delivered }) => delivered.stream_seq)
  }

  /** Reads the messages that are kept of a range, in order. */
  async read(from: number, to: number): Promise<readonly KeptMessage[]> {
    const start = { deliver_policy: 'by_start_sequence', opt_start_seq: from } as const
    return await this.#withConsumer(start, async (consumer) => {
      const found: KeptMessage[] = []
      if (consumer.num_pending === 0) return found
      const wanted = Math.min(to - from + 1, consumer.num_pending)
      const messages = await this.#client.consumers
        .getConsumerFromInfo(consumer)
        .fetch({ max_messages: wanted, expires: ANSWER_WAIT_MS })
      let last = 0
      let count = 0
      let time = 0
      for await (const message of messages) {
        last = message.seq
        count++
        if (last > to) break
        time = Math.max(time, Number(message.timestampNanos / BigInt(NANOSECONDS_PER_MS)))
        // A server that is behind the others may begin earlier.
        if (last >= from) found.push(readStored(message, last, time, this.#settings.log))
        if (last === to) break
      }
      if (count < wanted && last < to) throw historyUnavailable('JetStream has stopped sending messages')
      return found
    })
  }

  async #findOrCreate(): Promise<StreamInfo> {
    try {
      return await this.#info()
    } catch (error) {
      if (!hasCode(error, STREAM_NOT_FOUND)) throw error
    }
    const create = (replicas: number) => this.#manager.streams.add(configOf(this.#settings, replicas))
    return await create(REPLICAS).catch((error) => {
      // Another node has created it meanwhile.
      if (hasCode(error, NAME_IN_USE)) return this.#info()
      if (hasCode(error, ...TOO_FEW_SERVERS)) {
        return create(1).catch((second) => {
          if (hasCode(second, NAME_IN_USE)) return this.#info()
          throw second
        })
      }
      throw error
    })
  }

  /** Gives an existing stream the limits of this node, and more copies if there are more servers by now. */
  async #adapt({ config }: StreamInfo, isCluster: boolean): Promise<void> {
    const { limits, log, names } = this.#settings
    const wanted = limitsOf(limits)
    const changed = Object.entries(wanted).filter(
      ([key, value]) => config[key as keyof typeof wanted] !== value,
    )
    if (changed.length > 0) {
      await this.#update(wanted)
      log.warn(
        { stream: names.stream, limits },
        'the stream of the history had other limits; the limits of the node that was started last apply',
      )
    }
    // A server that is not in a cluster would take the update, although it cannot make copies.
    if (config.num_replicas >= REPLICAS || !isCluster) return
    await this.#update({ num_replicas: REPLICAS }).catch((error) =>
      log.debug({ err: error }, 'the stream of the history could not be given more replicas'),
    )
  }

  #info(): Promise<StreamInfo> {
    return this.#manager.streams.info(this.#settings.names.stream)
  }

  async #update(changes: object): Promise<void> {
    await this.#manager.streams.update(this.#settings.names.stream, changes)
  }

  async #withConsumer<T>(
    start: Pick<ConsumerConfig, 'deliver_policy'> & Partial<ConsumerConfig>,
    use: (consumer: Awaited<ReturnType<JetStreamManager['consumers']['add']>>) => Promise<T>,
  ): Promise<T> {
    const { stream } = this.#settings.names
    const consumer = await this.#manager.consumers.add(stream, {
      ...start,
      ack_policy: 'none',
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: CONSUMER_LIFE_MS * NANOSECONDS_PER_MS,
    })
    try {
      return await use(consumer)
    } finally {
      // Without an answer, JetStream deletes it later.
      await this.#manager.consumers.delete(stream, consumer.name).catch(() => {})
    }
  }
}

/** Reads a message, also one that another program has stored in the stream. */
const readStored = (message: { string(): string }, seq: number, time: number, log: Logger): KeptMessage => {
  try {
    return decodeStored(message.string(), seq, time)
  } catch (err) {
    log.error({ err, seq }, 'a message of the history cannot be read: another program has stored it')
    return unreadable(seq, time)
  }
}

/** Reads a message that JetStream has published again after it has stored it. */
export const readRepublished = (message: Msg, log: Logger): KeptMessage => {
  const seq = Number(message.headers?.get('Nats-Sequence'))
  // Servers from 2.10 on say when a message was stored.
  const stored = message.headers?.get('Nats-Time-Stamp')
  return readStored(message, seq, stored ? Date.parse(stored) : Date.now(), log)
}
