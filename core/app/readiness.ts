import { RookeryError } from '../protocol/errors.ts'
import { createToken } from '../util/token.ts'

/** The condition of one part of an app. */
export interface Condition {
  /** Whether this part is ready for new connections. */
  readonly ready: boolean
  /** One word for humans, such as `connected`. */
  readonly status: string
}

/** The parts of an app that may be unavailable for a while, such as a remote server. `/readyz` reports them. */
export interface Readiness {
  /** Adds a part. Returns a function that removes it. @throws `invalid_option` if another part has the name */
  add(name: string, check: () => Condition): () => void
  /** The conditions of all parts. The app is ready if all parts are. */
  report(): { readonly ready: boolean; readonly checks: Readonly<Record<string, string>> }
}

export const Readiness = createToken<Readiness>('Readiness')

export const createReadiness = (): Readiness => {
  const parts = new Map<string, () => Condition>()
  return {
    add(name, check) {
      if (parts.has(name)) {
        throw new RookeryError(
          'invalid_option',
          `Readiness: two parts are called '${name}'; rename one of them`,
        )
      }
      const own = () => check()
      parts.set(name, own)
      return () => {
        // A part that was added after the removal of this one stays.
        if (parts.get(name) === own) parts.delete(name)
      }
    },
    report() {
      const conditions = [...parts].map(([name, check]) => ({ name, ...check() }))
      return {
        ready: conditions.every(({ ready }) => ready),
        checks: Object.fromEntries(conditions.map(({ name, status }) => [name, status])),
      }
    },
  }
}
