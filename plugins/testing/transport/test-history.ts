import { definePlugin, type Plugin } from '../../../core/app/plugin.ts'
import { KeptStream, type KeptStreamHost, type ReplayStart } from '../../../core/history/history.ts'
import type { KeptMessage, NewMessage, ReadRange } from '../../../core/history/store.ts'
import { Frame, namedTopics } from '../../../core/protocol/frame.ts'
import type { Since } from '../../../core/protocol/protocol.ts'
import { compilePatterns } from '../../../core/topics/topic.ts'

const CURSOR_PREFIX = 'position-'

/** Keeps the messages whose topics begin with `kept/`, in memory and without bounds: enough for the cases. */
class TestHistory implements KeptStream {
  readonly maxReplay = 1000
  readonly keepsUsers = false
  readonly #messages: KeptMessage[] = []
  #delivered = 0
  #host: KeptStreamHost | undefined

  get delivered(): number {
    return this.#delivered
  }

  keeps(topics: readonly string[]): boolean {
    return topics.some((topic) => topic.startsWith('kept/'))
  }

  covers(): boolean {
    return true
  }

  connect(host: KeptStreamHost): void {
    this.#host = host
  }

  async append(message: NewMessage): Promise<boolean> {
    const kept = { ...message, seq: this.#messages.length + 1, time: Date.now() }
    this.#messages.push(kept)
    queueMicrotask(() => {
      this.#delivered = kept.seq
      this.#host?.deliver(kept)
    })
    return true
  }

  cursorOf(seq: number): string {
    return CURSOR_PREFIX + seq
  }

  sign(): undefined {}

  async find(since: Since): Promise<ReplayStart> {
    if (since === 'earliest') return { after: 0 }
    if (typeof since === 'string' && since.startsWith(CURSOR_PREFIX)) {
      return { after: Number(since.slice(CURSOR_PREFIX.length)) }
    }
    return { reason: 'epoch' }
  }

  reach(): undefined {}

  async readRange(patterns: readonly string[], range: ReadRange): Promise<readonly KeptMessage[]> {
    const matches = compilePatterns(patterns)
    const found = this.#messages.slice(range.after, range.upTo).filter(({ topics }) => topics.some(matches))
    return found.slice(0, range.limit)
  }

  frameOf({ seq, topic, topics, payload }: KeptMessage, replayed: boolean): Frame {
    const details = { cursor: this.cursorOf(seq), ...(replayed && { replayed }) }
    return Frame.ofText(topic, payload, namedTopics(topic, topics), details, seq)
  }
}

/** Creates a plugin with a history of its own: the kit has no other plugin. */
export const testHistory = (): Plugin =>
  definePlugin({
    name: 'conformance-history',
    setup: (scope) => scope.provide(KeptStream, () => new TestHistory()),
  })
