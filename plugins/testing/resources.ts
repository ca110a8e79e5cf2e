import { excerpt, violation } from './violation.ts'

export type Resources = Readonly<Record<string, number>>

/** What keeps the process alive, by kind. */
export const activeResources = (): Resources => {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) {
    // Those of one turn of the event loop are gone with it.
    if (kind !== 'Immediate') counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

/** Resolves when there is no more than there was before. */
export const untilReleased = async (
  trial: { readonly timeout: number },
  before: Resources,
  requirement: string,
): Promise<void> => {
  const start = performance.now()
  for (;;) {
    const more = Object.entries(activeResources()).filter(([kind, count]) => count > (before[kind] ?? 0))
    if (more.length === 0) return
    if (performance.now() - start > trial.timeout) {
      throw violation(
        requirement,
        `there were ${excerpt(before)}, and now ${excerpt(Object.fromEntries(more))}`,
      )
    }
    // Not `until`, which has timers open while it looks.
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
