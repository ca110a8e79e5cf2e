/**
 * Takes the complete events off the beginning of an event stream and returns the data of each; comments have none.
 *
 * Rookery writes an event as lines that end in LF, of which one is `data`. Source: HTML Living Standard, section 9.2.5.
 */
export const takeEvents = (text: string): { readonly data: readonly string[]; readonly rest: string } => {
  const blocks = text.split('\n\n')
  const rest = blocks.pop() as string
  const data = blocks.flatMap((block) => block.split('\n').filter((line) => line.startsWith('data: ')))
  return { data: data.map((line) => line.slice(6)), rest }
}
