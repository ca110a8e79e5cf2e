import { randomBytes } from 'node:crypto'
import type { JetStreamManager, StreamInfo } from '@nats-io/jetstream'
import type { HistoryLimits } from '../../core/history/store.ts'
import { ForeignStreamError, NANOSECONDS_PER_MS } from './jetstream.ts'

/** How long the id of a message is known. JetStream does not take a longer time than the maximum age. */
const ID_WINDOW_MS = 120_000
const KEY_BYTES = 16

type StreamSettings = Parameters<JetStreamManager['streams']['add']>[0]

/** Names of the stream of an app. */
export interface HistoryNames {
  readonly stream: string
  /** Messages are published here. */
  readonly subject: string
  /** JetStream publishes the stored messages here. */
  readonly storedSubject: string
}

export const historyNames = (prefix: string): HistoryNames => ({
  stream: `${prefix.replaceAll('.', '--')}_history`,
  subject: `${prefix}.history`,
  storedSubject: `${prefix}.history.stored`,
})

/** What a stream says of itself at one time. */
export interface HistoryState {
  /** Changes with each stream of this name. */
  readonly epoch: string
  readonly key: Buffer
  readonly created: string
  readonly first: number
  readonly last: number
}

export interface StreamOptions {
  readonly names: HistoryNames
  readonly limits: HistoryLimits
}

/** The settings of a new stream. */
export const configOf = ({ names, limits }: StreamOptions, replicas: number): StreamSettings => ({
  name: names.stream,
  description: newDescription(),
  subjects: [names.subject],
  republish: { src: names.subject, dest: names.storedSubject },
  // With memory, JetStream republishes fifty times fewer messages.
  storage: 'file',
  retention: 'limits',
  discard: 'old',
  // A message that is deleted by itself would leave a hole in the numbers.
  deny_delete: true,
  num_replicas: replicas,
  ...limitsOf(limits),
})

/** The settings that follow from the options of `history()`. */
export const limitsOf = ({ maxMessages, maxBytes, maxAge }: HistoryLimits) => ({
  max_msgs: maxMessages,
  max_bytes: maxBytes,
  max_age: maxAge * NANOSECONDS_PER_MS,
  duplicate_window: Math.min(ID_WINDOW_MS, maxAge) * NANOSECONDS_PER_MS,
})

/** All nodes read the identity of the stream in its description, because a server before 2.10 keeps no other data. */
export const newDescription = (): string => {
  const [id, key] = [randomBytes(KEY_BYTES), randomBytes(KEY_BYTES)]
  return `Rookery history ${id.toString('base64url')} ${key.toString('base64url')}`
}

/** @throws ForeignStreamError */
export const stateOf = ({ config, created, state }: StreamInfo): HistoryState => {
  const [, id, key] = /^Rookery history ([\w-]{22}) ([\w-]{22})$/.exec(config.description ?? '') ?? []
  if (id === undefined || key === undefined) throw new ForeignStreamError(config.name)
  return {
    epoch: `${id} ${created}`,
    key: Buffer.from(key, 'base64url'),
    created,
    first: state.messages > 0 ? state.first_seq : state.last_seq + 1,
    last: state.last_seq,
  }
}
