/**
 * Creates a parser of an event stream. Call it with each chunk: it returns the data of the events that the chunk completes.
 * Comments have no data. A chunk without the end of an event is only stored, so that the cost is linear in the size of the
 * stream.
 *
 * It reads only what Rookery writes: lines end in LF, and an event has one `data` line. Source: HTML Living Standard,
 * section 9.2.5, "Parsing an event stream".
 */
export const createEventParser = (): ((chunk: string) => readonly string[]) => {
  let stored: string[] = []
  let last = ''
  return (chunk) => {
    // Two chunks may share the end of an event.
    const ends = (last + chunk.slice(0, 1)).endsWith('\n\n') || chunk.includes('\n\n')
    stored.push(chunk)
    last = chunk.slice(-1) || last
    if (!ends) return []
    const blocks = stored.join('').split('\n\n')
    stored = [blocks.pop() as string]
    const lines = blocks.flatMap((block) => block.split('\n').filter((line) => line.startsWith('data: ')))
    return lines.map((line) => line.slice(6))
  }
}
