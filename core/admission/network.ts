/**
 * The network of an address: what connections and handshakes are counted by. For IPv4 it is the address, for IPv6 its
 * first 64 bits, since a site has at least that many addresses to itself (RFC 6177).
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

const groupsOf = (text: string): string[] => (text === '' ? [] : text.split(':'))
