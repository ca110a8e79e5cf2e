/** Resolves in the next turn of the event loop. */
export const turn = (): Promise<void> => new Promise(setImmediate)
