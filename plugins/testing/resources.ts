import { excerpt, violation } from './violation.ts'

export type Resources = Readonly<Record<string, number>>

/** Numbers of sockets, timers and other resources that keep the process alive, by kind. */
export const activeResources = (): Resources => {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) {
    // An immediate lasts one turn of the event loop, so it is never a leak.
    if (kind !== 'Immediate') counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

/** Resolves when the process has no more resources of any kind than before. Waits for up to `timeout` milliseconds. */
export const untilReleased = async (
  { timeout }: { readonly timeout: number },
  before: Resources,
  requirement: string,
): Promise<void> => {
  const start = performance.now()
  for (;;) {
    const more = Object.entries(activeResources()).filter(([kind, count]) => count > (before[kind] ?? 0))
    if (more.length === 0) return
    if (performance.now() - start > timeout) {
      throw violation(
        requirement,
        `before: ${excerpt(before)}, more now: ${excerpt(Object.fromEntries(more))}`,
      )
    }
    // `context.until` would count its own timers: they are open while it checks.
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
