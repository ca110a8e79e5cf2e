/** Functions that the parent process may call, by name. */
export type Answers = Readonly<Record<string, (input: never) => unknown>>

/** Lets the parent process call functions of this process. This process ends with its parent. */
export const answer = (answers: Answers): void => {
  process.on('message', async ({ id, name, input }: { id: number; name: string; input: never }) => {
    try {
      process.send?.({ id, result: await answers[name]?.(input) })
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  })
  process.on('disconnect', () => process.exit())
}
