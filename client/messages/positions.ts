import type { GapReason, MessageFrame, ReplayedFrame, Since } from '../../core/protocol/protocol.ts'
import type { CursorStore } from './cursor-store.ts'
import type { LocalSubscription } from './subscription.ts'

/** How long a server that announces no history may take to end a replay, in milliseconds. An older one never does. */
const REPLAY_WAIT_MS = 10_000

/** The name of what the server keeps for the user of the session. */
export const INBOX = '$inbox'

/** A replay that the server has confirmed and not ended. It makes one after the other. */
interface Replay {
  /** Of the request. */
  readonly id: number
  readonly subscriptions: readonly LocalSubscription[]
}

/**
 * Knows where the subscriptions of a client stand in the history.
 *
 * A subscription is `live`, or it is behind. The live ones share the position of the session: each kept message, ping and
 * reply moves it. A subscription that is behind has its own `since`. It gets kept messages only from the replay that it
 * asks for, and is live after that.
 */
export class Positions {
  /** Where the messages to the user stand. They reach the listeners that match, wherever these stand. */
  inbox: LocalSubscription | undefined
  readonly #store: Pick<CursorStore, 'initial' | 'changed'>
  /** Where subscriptions begin until the first `welcome`. */
  #first: string | undefined
  /** Position of the session: the live subscriptions have got everything up to here. */
  #live: string | undefined
  /** The last position up to which all subscriptions have got everything. */
  #cursor: string | null
  /** Whether `welcome` had a position. */
  #isAnnounced = false
  #replay: Replay | undefined
  #replayTimer: ReturnType<typeof setTimeout> | undefined
  /** Subscriptions that are behind, or whose state is being loaded. Some may have settled since. */
  readonly #unsettled = new Set<LocalSubscription>()

  constructor(store: Pick<CursorStore, 'initial' | 'changed'>) {
    this.#store = store
    this.#cursor = store.initial
    this.#first = store.initial ?? undefined
  }

  get cursor(): string | null {
    return this.#cursor
  }

  /** Places a new subscription. */
  add(subscription: LocalSubscription, since: Since | undefined): void {
    subscription.since = since === 'now' ? undefined : (since ?? this.#first)
    this.#watch(subscription)
  }

  /** A session begins. After a change of the transport, the position of the last session still holds. */
  welcome(cursor: string | undefined): void {
    this.#first = undefined
    this.#isAnnounced = cursor !== undefined
    this.#live ??= cursor
    this.update()
  }

  /**
   * The server has confirmed subscriptions.
   *
   * @param since of the request. With one, a replay follows
   * @param cursor position of the session
   */
  confirmed(
    id: number,
    since: Since | undefined,
    cursor: string | undefined,
    subscriptions: readonly LocalSubscription[],
  ): void {
    if (since !== undefined) {
      // A server that knows replays would have ended the last one.
      this.#end('unavailable', this.#live)
      this.#replay = { id, subscriptions }
      if (!this.#isAnnounced)
        this.#replayTimer = setTimeout(() => this.#end('unavailable', this.#live), REPLAY_WAIT_MS)
      for (const subscription of subscriptions) subscription.beginReplay()
      return
    }
    if (typeof cursor === 'string') this.#live = cursor
    for (const subscription of subscriptions) this.join(subscription)
    this.update()
  }

  /** A subscription without `since` goes on with the next message. */
  join(subscription: LocalSubscription): void {
    subscription.goLive(subscription.isMissing ? 'unavailable' : undefined, false)
    this.#watch(subscription)
  }

  /**
   * The server has ended a replay. Without one under way, it has lost messages of the live subscriptions.
   *
   * @param all the subscriptions that the server has
   */
  ended(
    { id, recovered, reason = 'unavailable', cursor, unkept }: ReplayedFrame,
    all: readonly LocalSubscription[],
  ): void {
    if (id !== undefined && id !== this.#replay?.id) return
    const gap = recovered ? undefined : reason
    if (this.#replay) this.#end(gap, cursor, unkept)
    else if (gap) {
      this.#live = cursor
      const live = all.filter(({ place }) => place === 'live')
      this.#goLive(live, gap)
    }
  }

  /** Whether a message that matches is for a subscription. */
  isFor(subscription: LocalSubscription, { cursor, replayed, topics }: MessageFrame): boolean {
    const isToUser = topics?.[0]?.startsWith('$user/')
    const { place, since, state } = (isToUser && this.inbox) || subscription
    if (replayed) return place === 'replaying'
    if (!cursor) return true
    // While a subscription is pending, a kept message comes because of another pattern. If the session ended now, the
    // subscription would begin with a later message, and those between would be missing.
    return state !== 'pending' && !since
  }

  /** The subscriptions have got everything up to a cursor. */
  passed({ cursor, replayed }: { readonly cursor?: string; readonly replayed?: true }): void {
    if (typeof cursor !== 'string') return
    if (replayed) {
      for (const subscription of this.#replay?.subscriptions ?? []) {
        if (subscription.place === 'replaying') subscription.since = cursor
      }
    } else {
      this.#live = cursor
      this.update()
    }
  }

  /**
   * The session ends for all subscriptions.
   *
   * @param isLost whether messages may be missing until the next session
   */
  leave(subscriptions: readonly LocalSubscription[], isLost: boolean): void {
    this.#replay = undefined
    clearTimeout(this.#replayTimer)
    for (const subscription of subscriptions) {
      if (subscription.place === 'live') subscription.isMissing = isLost && !this.#live
      this.fallBehind(subscription)
    }
    if (isLost) this.#live = undefined
  }

  /** A subscription is to go on from where it is, with a request of its own. */
  fallBehind(subscription: LocalSubscription): void {
    if (subscription.place === 'live') subscription.since = this.#live
    subscription.place = 'none'
    this.#watch(subscription)
  }

  /** Some subscriptions may have settled. */
  update(): void {
    for (const subscription of this.#unsettled) {
      if (!subscription.isSettled) return
      this.#unsettled.delete(subscription)
    }
    if (!this.#live || this.#live === this.#cursor) return
    this.#cursor = this.#live
    this.#store.changed(this.#live)
  }

  #watch(subscription: LocalSubscription): void {
    if (!subscription.isSettled) this.#unsettled.add(subscription)
  }

  /** @param unkept patterns of which the server keeps no topic */
  #end(gap: GapReason | undefined, cursor: string | undefined, unkept: readonly string[] = []): void {
    const replay = this.#replay
    if (!replay) return
    this.#replay = undefined
    clearTimeout(this.#replayTimer)
    this.#live = cursor
    for (const one of replay.subscriptions.filter(({ place }) => place === 'replaying'))
      this.#goLive([one], unkept.includes(one.plain) ? 'unavailable' : gap)
  }

  #goLive(subscriptions: readonly LocalSubscription[], gap: GapReason | undefined): void {
    for (const subscription of subscriptions) {
      subscription.goLive(gap, true)
      this.#watch(subscription)
    }
    this.update()
  }
}
