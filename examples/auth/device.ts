const BROWSERS = { Edg: 'Edge', Firefox: 'Firefox', Chrome: 'Chrome', Safari: 'Safari' }
const SYSTEMS = {
  iPhone: 'an iPhone',
  iPad: 'an iPad',
  Android: 'Android',
  Windows: 'Windows',
  Mac: 'a Mac',
  Linux: 'Linux',
}

const firstIn = (text: string, names: Readonly<Record<string, string>>): string | undefined =>
  Object.entries(names).find(([mark]) => text.includes(mark))?.[1]

/** What people call the device of a User-Agent: `Firefox on Linux`. */
export const deviceOf = (userAgent = ''): string =>
  `${firstIn(userAgent, BROWSERS) ?? 'A browser'} on ${firstIn(userAgent, SYSTEMS) ?? 'a computer'}`
