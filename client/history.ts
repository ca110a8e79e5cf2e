import type { ContractReader } from '../core/contract/contract.ts'
import type { HasTopics, Known, ReceivedMessage, TopicsOf } from '../core/contract/infer.ts'
import { parseNamedPattern } from '../core/contract/pattern.ts'
import type { MessageFrame } from '../core/protocol/protocol.ts'
import type { CallOptions } from './message-options.ts'
import type { Side } from './typed.ts'

/** Which messages to read. One of `last`, `since` and `before`. */
export interface PageOptions extends CallOptions {
  /** The newest messages: at most this many. */
  readonly last?: number
  /** The messages after a cursor, from the oldest; or `'earliest'`. */
  readonly since?: string
  /** The messages before a cursor: the newest `limit` of them. */
  readonly before?: string
  /** Most messages of the page: 1 to 1,000. @default 100 */
  readonly limit?: number
}

/** What a message of a page has besides its topic and its payload. */
export interface KeptDetails {
  readonly cursor: string
  /** When the server stored it, in milliseconds since 1970. */
  readonly time: number
  /** All topics of the event. Absent if the only one is `topic`. */
  readonly topics?: readonly string[]
}

/** A page of messages, in the order of publishing. */
export interface HistoryPage<Message> {
  readonly messages: readonly Message[]
  /** Where the next page begins: the `since`, or the `before`, of the next call. null if there is no more. */
  readonly next: string | null
}

type TypedRead<C, As extends Side> = <Pattern extends string>(
  pattern: Known<TopicsOf<C>, Pattern>,
  options: PageOptions,
) => Promise<HistoryPage<ReceivedMessage<C, Pattern, As, KeptDetails>>>

type UntypedRead = (
  pattern: string,
  options: PageOptions,
) => Promise<HistoryPage<{ readonly topic: string; readonly payload: unknown } & KeptDetails>>

/** Reads pages. With a contract, it accepts patterns of its topics. */
export type ReadHistory<C, As extends Side> = HasTopics<C> extends true ? TypedRead<C, As> : UntypedRead

type UntypedPage = HistoryPage<MessageFrame & KeptDetails>

/** Reads a page by the call of the plugin `history()`. */
export const readHistory = async (
  call: (topic: string, payload: unknown, options: CallOptions) => Promise<unknown>,
  contract: ContractReader | undefined,
  given: string,
  { timeout, signal, ...page }: PageOptions = {},
): Promise<UntypedPage> => {
  const { pattern } = parseNamedPattern(given)
  const options = { timeout, signal } as CallOptions
  const { messages, next } = (await call('history/read', { ...page, pattern }, options)) as UntypedPage
  if (!contract) return { messages, next }
  // A message that is not valid becomes an `error` event.
  const valid = messages.flatMap((message) => (contract.message(message) as typeof message | undefined) ?? [])
  return { messages: valid, next }
}
