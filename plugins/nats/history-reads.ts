import { setImmediate as nextTurn } from 'node:timers/promises'
import type { KeptMessage } from '../../core/history/store.ts'
import { compilePatterns } from '../../core/topics/topic.ts'
import { historyUnavailable } from './history-appends.ts'
import { BLOCK_MESSAGES, blockEnd, type HistoryBlocks } from './history-blocks.ts'

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
  const matches = compilePatterns(patterns)
  const found: KeptMessage[] = []
  let next = from
  while (next <= end && found.length < limit) {
    await nextTurn()
    if (!blocks.mayHave(next, matches)) {
      next = blockEnd(next) + 1
      continue
    }
    const messages = await blocks.at(next, end)
    if (messages.length === 0) throw historyUnavailable('JetStream does not have all messages')
    for (const message of messages) {
      if (message.seq !== next) return undefined
      next++
      if (message.topics.some(matches) && found.push(message) === limit) break
    }
  }
  return found
}

/**
 * Returns the newest messages of a range that match, in order.
 *
 * @throws `history_unavailable` if the stream does not have the newest message of the range
 */
export const readBlocksBackwards = async (
  blocks: HistoryBlocks,
  patterns: readonly string[],
  { from, end, limit }: BlockRange,
): Promise<readonly KeptMessage[]> => {
  const matches = compilePatterns(patterns)
  let found: KeptMessage[] = []
  let to = end
  while (to >= from && found.length < limit) {
    await nextTurn()
    const start = Math.max(from, blockEnd(to) - BLOCK_MESSAGES + 1)
    if (blocks.mayHave(to, matches)) {
      const messages = await blocks.at(start, to)
      if (messages.at(-1)?.seq !== to) {
        // Older blocks may have expired meanwhile. The newest is kept, so the server that has answered is behind the others.
        if (to < end) break
        throw historyUnavailable('JetStream does not have all messages')
      }
      const matching = messages.filter(({ topics }) => topics.some(matches))
      found = [...matching.slice(found.length - limit), ...found]
    }
    to = start - 1
  }
  return found
}
