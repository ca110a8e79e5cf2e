import { RookeryError } from '../../core/protocol/errors.ts'

/** Finds a handler by an exact path, or by a path and all paths below it. */
export class PathMap<Handler> {
  readonly #exact = new Map<string, Handler>()
  readonly #below = new Map<string, Handler>()

  get paths(): Iterable<string> {
    return this.#exact.keys()
  }

  /**
   * Adds a handler.
   *
   * @param below whether the handler takes the paths below its path, too
   * @returns a function that removes the handler
   * @throws `invalid_option` when another handler has the path
   */
  add(path: string, handler: Handler, below = false): () => void {
    if (this.get(path) !== undefined) {
      throw new RookeryError(
        'invalid_option',
        `Two plugins use the path '${path}'; give one of them another path`,
      )
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
