import type { NodeChange } from '../../core/cluster/cluster.ts'
import type { Want } from './listener-index.ts'
import { BEAT_INTERVAL, Members } from './live-nodes.ts'

/** Milliseconds without news after which everybody is taken to have answered. */
const QUIET = 200
/** Longest that a start waits for nodes that it has heard of, in milliseconds. */
const DISCOVERY = 2000

/** What nodes tell each other about themselves. */
export type MemberNote =
  /** Asks those who hear it, or one node, to say `here`. */
  | { readonly kind: 'hello'; readonly to?: string; readonly restored?: boolean; readonly state: State }
  | { readonly kind: 'here'; readonly state: State; readonly nodes: readonly string[] }
  | { readonly kind: 'state'; readonly state: State }
  | { readonly kind: 'beat'; readonly revision: number }
  | { readonly kind: 'bye' }
  | { readonly kind: 'fence' }

export interface State {
  /** Counts up with each change of it. */
  readonly revision: number
  readonly wants: readonly Want[]
}

/** What membership needs of its node. */
export interface MembershipHost {
  readonly node: string
  state(): State
  /** Tells all nodes, or one that waits at a reply subject. */
  say(note: MemberNote, reply?: string): unknown
  answer(reply: string, note: MemberNote): unknown
  /** Where answers to `hello` come, those to the hello after an interruption apart from others. */
  replySubject(restored: boolean): string
  wants(node: string, wants: readonly Want[]): void
  changed(node: string, change: NodeChange): void
}

/** Finds the other nodes and keeps track of them. */
export class Membership {
  readonly #host: MembershipHost
  readonly #members: Members
  readonly #revisions = new Map<string, number>()
  /** Nodes that somebody has named and who have not answered yet. */
  readonly #named = new Set<string>()
  /** Nodes that were there when the connection was lost, until they answer. */
  readonly #lost = new Set<string>()
  #beats: NodeJS.Timeout | undefined
  #news = (): void => {}

  constructor(host: MembershipHost) {
    this.#host = host
    this.#members = new Members((node, change) => {
      if (change === 'left') {
        this.#revisions.delete(node)
        this.#lost.delete(node)
      }
      host.changed(node, change)
    })
  }

  get nodes(): readonly string[] {
    return this.#members.nodes
  }

  /** Resolves when those who are there have answered. */
  async start(): Promise<void> {
    // From here on it is known how long this process has slept.
    this.#members.sweep(performance.now())
    this.#beats = setInterval(() => {
      this.#members.sweep(performance.now())
      this.#host.say({ kind: 'beat', revision: this.#host.state().revision })
    }, BEAT_INTERVAL)
    const { promise, stop } = this.#discovery()
    this.#hello(false)
    await promise
    stop()
  }

  /** Says goodbye. Idempotent. */
  stop(): void {
    if (this.#beats) this.#host.say({ kind: 'bye' })
    clearInterval(this.#beats)
    this.#beats = undefined
    this.#news()
  }

  /** The connection is back: tells the others, who may not have noticed. */
  restored(): void {
    for (const node of this.#members.nodes) this.#lost.add(node)
    this.#hello(true)
  }

  /** What this node's listeners want has changed. */
  changed(): void {
    if (this.#beats) this.#host.say({ kind: 'state', state: this.#host.state() })
  }

  /** Another node has said something. */
  heard(node: string, note: MemberNote, reply: string | undefined): void {
    if (note.kind === 'bye') {
      this.#members.leave(node)
      return
    }
    const known = this.#members.has(node)
    this.#members.beat(node, performance.now())
    if (note.kind === 'beat') {
      if (this.#revisions.get(node) !== note.revision) this.#hello(false, node)
    } else if (note.kind !== 'fence') {
      this.#learn(node, note.state)
    }
    if (note.kind === 'hello') {
      // Where both were cut off, both say so.
      if (known && note.restored) {
        this.#lost.delete(node)
        this.#members.restored(node)
      }
      const here: MemberNote = { kind: 'here', state: this.#host.state(), nodes: this.nodes }
      if (reply && (note.to === undefined || note.to === this.#host.node)) this.#host.answer(reply, here)
    }
    if (note.kind === 'here') this.#answered(node, note.nodes)
  }

  /** A node has answered the hello after an interruption. */
  back(node: string): void {
    if (this.#lost.delete(node)) this.#members.restored(node)
  }

  #hello(restored: boolean, to?: string): void {
    const state = this.#host.state()
    this.#host.say(
      { kind: 'hello', state, restored, ...(to !== undefined && { to }) },
      this.#host.replySubject(restored),
    )
  }

  #learn(node: string, { revision, wants }: State): void {
    if (this.#revisions.get(node) === revision) return
    this.#revisions.set(node, revision)
    this.#host.wants(node, wants)
  }

  #answered(node: string, others: readonly string[]): void {
    this.#named.delete(node)
    for (const other of others) {
      if (other !== this.#host.node && !this.#members.has(other)) this.#named.add(other)
    }
    this.#news()
  }

  /** Waits until nobody new answers, and those who were named have. */
  #discovery(): { readonly promise: Promise<void>; readonly stop: () => void } {
    let quiet: NodeJS.Timeout | undefined
    let resolve = (): void => {}
    const promise = new Promise<void>((done) => {
      resolve = done
    })
    const end = () => {
      if (this.#named.size === 0 || !this.#beats) resolve()
    }
    const limit = setTimeout(resolve, DISCOVERY)
    this.#news = () => {
      clearTimeout(quiet)
      quiet = setTimeout(end, this.#beats ? QUIET : 0)
    }
    this.#news()
    const stop = () => {
      clearTimeout(limit)
      clearTimeout(quiet)
      this.#news = () => {}
      this.#named.clear()
    }
    return { promise, stop }
  }
}
