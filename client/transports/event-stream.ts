/**
 * Splits the text of an event stream into the data of its complete events and the rest. A comment has no data.
 *
 * It reads only what Rookery writes: lines end in LF, and an event has one `data` line. Source: HTML Living Standard,
 * section 9.2.5, "Parsing an event stream".
 */
export const takeEvents = (text: string): { readonly data: readonly string[]; readonly rest: string } => {
  const blocks = text.split('\n\n')
  const rest = blocks.pop() as string
  const data = blocks.flatMap((block) => block.split('\n').filter((line) => line.startsWith('data: ')))
  return { data: data.map((line) => line.slice(6)), rest }
}
