import { breach, show } from './violation.ts'

export type Resources = Readonly<Record<string, number>>

/** What keeps the process alive, by kind. */
export const resources = (): Resources => {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) {
    // Those of one turn of the event loop are gone with it.
    if (kind !== 'Immediate') counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

/** Resolves when there is no more than there was before. */
export const untilNoMore = async (
  trial: { readonly timeout: number },
  before: Resources,
  demand: string,
): Promise<void> => {
  const start = performance.now()
  for (;;) {
    const more = Object.entries(resources()).filter(([kind, count]) => count > (before[kind] ?? 0))
    if (more.length === 0) return
    if (performance.now() - start > trial.timeout) {
      throw breach(demand, `there were ${show(before)}, and now ${show(Object.fromEntries(more))}`)
    }
    // Not `until`, which has timers open while it looks.
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
