/**
 * What counts as one address when connections are counted: of IPv6 the first 64 bits, since whoever has one address
 * there has them all (RFC 6177 gives a site at least that much).
 */
export const networkOf = (address: string): string => {
  if (!address.includes(':')) return address
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? []
  if (mapped !== undefined) return mapped
  const [before = '', after] = address.toLowerCase().split('::')
  const groups = groupsOf(before)
  if (after !== undefined) {
    const rest = groupsOf(after)
    const zeros = Math.max(0, 8 - groups.length - rest.length)
    groups.push(...Array<string>(zeros).fill('0'), ...rest)
  }
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}

/** Networks that are remembered; whoever has more of them than that has nothing to gain from being forgotten. */
export const REMEMBERED = 10_000

const groupsOf = (text: string): string[] => (text === '' ? [] : text.split(':'))
