import { setImmediate as nextTurn } from 'node:timers/promises'
import type { KeptMessage } from '../../core/history/store.ts'
import { compilePattern } from '../../core/topics/topic.ts'
import { historyUnavailable } from './history-appends.ts'
import { BLOCK_MESSAGES, type HistoryBlocks } from './history-blocks.ts'

interface BlockRange {
  readonly from: number
  readonly end: number
  /** Most messages to return. */
  readonly limit: number
}

/**
 * Returns the oldest messages of a range that match, in order. Undefined if messages of the range were deleted.
 *
 * @throws `history_unavailable` if the stream has no messages there
 */
export const readBlocks = async (
  blocks: HistoryBlocks,
  patterns: readonly string[],
  { from, end, limit }: BlockRange,
): Promise<readonly KeptMessage[] | undefined> => {
  const matches = matcherOf(patterns)
  const found: KeptMessage[] = []
  let next = from
  while (next <= end && found.length < limit) {
    const messages = await blocks.at(next, end)
    for (const message of messages) {
      if (message.seq !== next) return undefined
      next++
      if (matches(message) && found.push(message) === limit) return found
    }
    if (messages.length === 0) throw historyUnavailable('JetStream does not have all messages')
    await nextTurn()
  }
  return found
}

/** Returns the newest messages of a range that match, in order. */
export const readBlocksBackwards = async (
  blocks: HistoryBlocks,
  patterns: readonly string[],
  { from, end, limit }: BlockRange,
): Promise<readonly KeptMessage[]> => {
  const matches = matcherOf(patterns)
  let found: KeptMessage[] = []
  let to = end
  while (to >= from && found.length < limit) {
    const start = Math.max(from, Math.floor((to - 1) / BLOCK_MESSAGES) * BLOCK_MESSAGES + 1)
    const messages = await blocks.at(start, to)
    found = [...messages.filter(matches).slice(-(limit - found.length)), ...found]
    to = start - 1
    await nextTurn()
  }
  return found
}

const matcherOf = (patterns: readonly string[]): ((message: KeptMessage) => boolean) => {
  const compiled = patterns.map(compilePattern)
  return ({ topics }) => topics.some((topic) => compiled.some((matches) => matches(topic)))
}
