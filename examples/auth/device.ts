const BROWSERS = { Edg: 'Edge', Firefox: 'Firefox', Chrome: 'Chrome', Safari: 'Safari' }
const SYSTEMS = {
  iPhone: 'an iPhone',
  iPad: 'an iPad',
  Android: 'Android',
  Windows: 'Windows',
  Mac: 'a Mac',
  Linux: 'Linux',
}

const firstFound = (text: string, names: Readonly<Record<string, string>>): string | undefined =>
  Object.entries(names).find(([mark]) => text.includes(mark))?.[1]

/** Describes the device of a User-Agent header, such as `Firefox on Linux`. */
export const deviceOf = (userAgent = ''): string =>
  `${firstFound(userAgent, BROWSERS) ?? 'A browser'} on ${firstFound(userAgent, SYSTEMS) ?? 'a computer'}`
