import { createToken } from '../util/token.ts'

/** How one part of an app fares. */
export interface Condition {
  /** Whether the app should get new connections as far as this part is concerned. */
  readonly ready: boolean
  /** One word for people, such as `connected`. */
  readonly status: string
}

/** What `/readyz` asks: parts of an app that may be away for a while, such as a server elsewhere. */
export interface Readiness {
  /** Adds a part; returns how to remove it. */
  add(name: string, check: () => Condition): () => void
  /** How all parts fare. */
  report(): { readonly ready: boolean; readonly checks: Readonly<Record<string, string>> }
}

export const Readiness = createToken<Readiness>('Readiness')

export const createReadiness = (): Readiness => {
  const parts = new Map<string, () => Condition>()
  return {
    add(name, check) {
      parts.set(name, check)
      return () => parts.delete(name)
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
