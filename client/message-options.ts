import type { Since } from '../core/protocol/protocol.ts'
import type { LoadState } from './messages/snapshot.ts'
import type { NewSubscription } from './messages/subscription.ts'
import { invalidOption } from './util/invalid-option.ts'
import { readBoolean } from './util/option-values.ts'

/**
 * Where a subscription begins in the history of the server: with the next message (`'now'`), with the oldest one that is
 * kept, after a cursor, with the newest `last` messages, or with the messages of the time `ago`, in milliseconds or as '5m'.
 */
export type SubscribeSince =
  | 'now'
  | 'earliest'
  | (string & {})
  | { readonly last: number }
  | { readonly ago: number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}` }

export interface SubscribeOptions {
  /**
   * Whether to ask nothing of the server. The listener gets the matching messages that arrive without a subscription: those
   * sent to the session, to its user or to its rooms. The state is `active` at once.
   *
   * @default false
   */
  readonly local?: boolean
  /**
   * Where to begin. The messages before the next one come first, with `replayed: true`. Not together with `local` and `state`.
   *
   * @default the cursor of the client before its first `welcome`, and `'now'` later
   */
  readonly since?: SubscribeSince | undefined
  /**
   * Loads the state that the messages change: when the server has confirmed the subscription, and again after each gap. Messages
   * that arrive meanwhile wait. The first ones may be in the state already. If the function fails, the client emits `error`
   * and calls it again later. Not together with `local`.
   */
  readonly state?: LoadState | undefined
}

export interface CallOptions {
  /** Milliseconds until `call_timeout`, including the time offline. @default `callTimeout` of the client */
  readonly timeout?: number
  /** Aborts the call with `aborted`. The server may have begun to handle it. */
  readonly signal?: AbortSignal
}

export interface SendOptions {
  /** Whether to drop the message, instead of queueing it, if it cannot leave at once. @default false */
  readonly volatile?: boolean
}

/** Milliseconds of the units of a duration. */
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Returns the milliseconds of a duration, or NaN. */
const milliseconds = (duration: unknown): number => {
  if (typeof duration !== 'string') return Number.isFinite(duration) ? (duration as number) : Number.NaN
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)(ms|[smhd])$/.exec(duration) ?? []
  return Number(count) * UNITS[unit]!
}

/** Returns the value for the server, or undefined if it is none. */
const sinceOf = (given: unknown): Since | undefined => {
  if (typeof given === 'string') return given || undefined
  if (typeof given !== 'object' || given === null) return undefined
  const { last, ago, ...others } = given as { last?: unknown; ago?: unknown }
  if (Object.keys(others).length > 0 || (last === undefined) === (ago === undefined)) return undefined
  if (last !== undefined)
    return Number.isSafeInteger(last) && (last as number) > 0 ? { last: last as number } : undefined
  const time = Math.round(milliseconds(ago))
  return time > 0 ? { ago: time } : undefined
}

/** @throws `invalid_option` */
export const readSubscribeOptions = ({ local = false, since, state }: SubscribeOptions): NewSubscription => {
  readBoolean('local', local)
  if (state !== undefined && (typeof state !== 'function' || local))
    throw invalidOption('state', 'a function, and not together with local', state)
  if (since === undefined) return { local, state }
  const from = sinceOf(since)
  if (!from || local || (state && from !== 'now'))
    throw invalidOption(
      'since',
      "'now', 'earliest', a cursor, { last } or { ago }, and not together with local or state",
      since,
    )
  return { local, state, since: from }
}
