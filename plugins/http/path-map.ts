import { RookeryError } from '../../core/protocol/errors.ts'

/** The path of a request target, which may be absolute (RFC 9112, section 3.2.2) or `*`. */
export const pathOf = (target = ''): string => {
  if (!target.startsWith('/')) return URL.canParse(target) ? new URL(target).pathname : target
  const end = target.indexOf('?')
  return end < 0 ? target : target.slice(0, end)
}

/** A request target as a URL. The host is not to be relied on. */
export const urlOf = (target = ''): URL =>
  target.startsWith('/') ? new URL(`http://localhost${target}`) : new URL(target)

/** Handlers by exact path, or by a path and all below it. */
export class PathMap<Handler> {
  readonly #exact = new Map<string, Handler>()
  readonly #below = new Map<string, Handler>()

  get paths(): Iterable<string> {
    return this.#exact.keys()
  }

  /** @throws `invalid_option` when the path is taken */
  add(path: string, handler: Handler, below = false): () => void {
    if (this.get(path) !== undefined) {
      throw new RookeryError('invalid_option', `Two plugins take '${path}'; give one of them another path`)
    }
    this.#exact.set(path, handler)
    if (below) this.#below.set(`${path}/`, handler)
    return () => {
      this.#exact.delete(path)
      this.#below.delete(`${path}/`)
    }
  }

  get(path: string): Handler | undefined {
    const exact = this.#exact.get(path)
    if (exact !== undefined) return exact
    for (const [prefix, handler] of this.#below) if (path.startsWith(prefix)) return handler
    return undefined
  }
}
