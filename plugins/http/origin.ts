import type { IncomingMessage } from 'node:http'

/** Origins beside the server's own host: a list, `'*'` for all, or a function. */
export type AllowedOrigins = '*' | readonly string[] | ((origin: string) => boolean)

const normalize = (origin: string): string | undefined => {
  try {
    const { origin: parsed } = new URL(origin)
    return parsed === 'null' ? undefined : parsed
  } catch {
    return undefined
  }
}

/** Says what is wrong with the option, or nothing. */
export const checkOrigins = (value: unknown): string | undefined => {
  const ok =
    value === '*' ||
    typeof value === 'function' ||
    (Array.isArray(value) &&
      value.every((origin) => typeof origin === 'string' && normalize(origin) === origin))
  return ok
    ? undefined
    : "'*', a function, or a list of origins such as 'https://example.com' (no path, no slash at the end)"
}

/** Whether an origin is explicitly allowed. */
export const isAllowed = (origin: string, allowed: AllowedOrigins | undefined): boolean => {
  if (allowed === undefined) return false
  if (allowed === '*') return true
  if (typeof allowed !== 'function') return allowed.includes(origin)
  try {
    return allowed(origin)
  } catch {
    // The origin is the peer's word, such as 'null': what the function cannot read it does not allow.
    return false
  }
}

/** Whether a request's origin is its own host, is explicitly allowed, or is absent, as outside of browsers. */
export const allowsOrigin = (request: IncomingMessage, allowed: AllowedOrigins | undefined): boolean => {
  const { origin, host } = request.headers
  if (origin === undefined) return true
  if (isAllowed(origin, allowed)) return true
  const parsed = normalize(origin)
  return parsed !== undefined && host !== undefined && new URL(parsed).host === host.toLowerCase()
}
