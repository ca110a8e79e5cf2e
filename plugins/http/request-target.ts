/** The path of a request target. The target may be an absolute URL (RFC 9112, section 3.2.2) or `*`. */
export const pathOf = (target = ''): string => {
  if (!target.startsWith('/')) return URL.canParse(target) ? new URL(target).pathname : target
  const end = target.indexOf('?')
  return end < 0 ? target : target.slice(0, end)
}

/** A request target as a URL. Its host is a placeholder unless the target is an absolute URL. */
export const urlOf = (target = ''): URL =>
  target.startsWith('/') ? new URL(`http://localhost${target}`) : new URL(target)
