import { compileNamed, parseNamedPattern, patternsMeet, plainPattern } from '../../core/contract/pattern.ts'
import type { HistoryLimits, HistoryStore } from '../../core/history/store.ts'
import { RookeryError } from '../../core/protocol/errors.ts'
import { isReserved } from '../../core/topics/topic.ts'
import {
  checkOptions,
  type Duration,
  milliseconds,
  type OptionCheck,
  option,
} from '../../core/util/options.ts'

/** Options of `history()`. */
export interface HistoryOptions {
  /** Patterns of the topics whose messages are kept. Names count: `rooms/:room/messages`. May be left out with `users`. */
  readonly topics?: readonly string[] | undefined
  /** How long a message is kept. @default '24h' */
  readonly maxAge?: Duration | undefined
  /** Most messages that are kept, of all topics. @default 100_000 */
  readonly maxMessages?: number | undefined
  /** Most bytes that are kept: topics and payloads, and 200 bytes for each message. @default 67_108_864, 64 MiB */
  readonly maxBytes?: number | undefined
  /**
   * Keeps what `app.send({ user })` sends, so that a user who is not connected gets it later, on any device. There is one stream:
   * the longer of the two ages holds for all its messages.
   *
   * @default undefined: such messages are not kept
   */
  readonly users?: { readonly maxAge?: Duration | undefined } | undefined
  /** Most messages of one replay. A longer one ends as a gap with the reason `limit`. @default 10_000 */
  readonly maxReplay?: number | undefined
  /**
   * What `publish` does while the store is away: rejects with `history_unavailable`, or delivers the message to the clients
   * that are connected, without keeping it. Such a message has `kept: false`.
   *
   * @default 'reject'
   */
  readonly whenUnavailable?: 'reject' | 'deliver' | undefined
  /**
   * How long the replay of a client waits while the store is away. After that it ends as a gap with the reason `unavailable`.
   *
   * @default '30s'
   */
  readonly replayTimeout?: Duration | undefined
  /** A store of your own. @default the store of `nats()`; without it, the memory of the process */
  readonly store?: HistoryStore | undefined
}

/** Options with their defaults. */
export interface HistorySettings {
  /** Whether the messages of a topic are kept. */
  readonly keeps: (topic: string) => boolean
  /** Whether some topic of a pattern of a client is kept, or messages to a user. */
  readonly covers: (pattern: string) => boolean
  readonly keepsUsers: boolean
  readonly limits: HistoryLimits
  readonly maxReplay: number
  readonly whenUnavailable: 'reject' | 'deliver'
  /** Milliseconds. */
  readonly replayTimeout: number
  readonly store: HistoryStore | undefined
}

/** Longest time that messages may be kept: ten years. */
const MAX_AGE_MS = 10 * 365 * 24 * 3_600_000

const STORE_METHODS = ['start', 'stop', 'append', 'first', 'before', 'read', 'readLast']

const isStore: OptionCheck = (value) => {
  const store = (value ?? {}) as Record<string, unknown>
  return STORE_METHODS.every((name) => typeof store[name] === 'function')
    ? undefined
    : `a HistoryStore, with ${STORE_METHODS.join(', ')}`
}

/** Topics for which it is known whether they are kept. */
const MAX_KNOWN_TOPICS = 4096

/** Remembers the answers for the topics that were asked last. */
const remembered = (keeps: (topic: string) => boolean): ((topic: string) => boolean) => {
  const known = new Map<string, boolean>()
  return (topic) => {
    let answer = known.get(topic)
    if (answer === undefined) {
      answer = keeps(topic)
      if (known.size >= MAX_KNOWN_TOPICS) known.clear()
      known.set(topic, answer)
    }
    return answer
  }
}

const readTopics = (
  patterns: readonly string[] = [],
  keepsUsers: boolean,
): Pick<HistorySettings, 'keeps' | 'covers'> => {
  if (patterns.length === 0 && !keepsUsers) {
    throw new RookeryError('invalid_option', "history(): option 'topics' must name at least one pattern")
  }
  const kept = patterns.map((pattern) => {
    if (isReserved(pattern)) {
      throw new RookeryError(
        'invalid_option',
        `history(): the topics of '${pattern}' belong to the framework`,
      )
    }
    return parseNamedPattern(pattern)
  })
  const matchers = kept.map(compileNamed)
  return {
    keeps: remembered((topic) => matchers.some((matches) => matches(topic) !== undefined)),
    covers: (pattern) =>
      (keepsUsers && pattern.startsWith('$')) ||
      kept.some((topics) => patternsMeet(topics, plainPattern(pattern))),
  }
}

/** @throws `invalid_option`, `invalid_pattern` */
export const readHistoryOptions = (options: HistoryOptions): HistorySettings => {
  checkOptions('history()', options, {
    topics: option.list(option.string),
    maxAge: option.duration(1000, MAX_AGE_MS),
    maxMessages: option.integer(1),
    maxBytes: option.integer(1024),
    maxReplay: option.integer(1),
    users: option.object,
    whenUnavailable: option.oneOf('reject', 'deliver'),
    replayTimeout: option.duration(0),
    store: isStore,
  })
  const { maxAge = '24h', maxMessages = 100_000, maxBytes = 64 * 1024 * 1024, store, users } = options
  if (users) checkOptions('history() users', users, { maxAge: option.duration(1000, MAX_AGE_MS) })
  const oldest = Math.max(milliseconds(maxAge), milliseconds(users?.maxAge ?? 0))
  return {
    ...readTopics(options.topics, users !== undefined),
    keepsUsers: users !== undefined,
    limits: { maxAge: oldest, maxMessages, maxBytes },
    maxReplay: options.maxReplay ?? 10_000,
    whenUnavailable: options.whenUnavailable ?? 'reject',
    replayTimeout: milliseconds(options.replayTimeout ?? '30s'),
    store,
  }
}
