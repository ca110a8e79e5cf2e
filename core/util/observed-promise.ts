/** A promise that tells when it is awaited. Promises that derive from it are plain. */
class ObservedPromise<T> extends Promise<T> {
  awaited: (() => void) | undefined

  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  // biome-ignore lint/suspicious/noThenProperty: `await`, `catch`, `finally` and `Promise.all` all call `then`.
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.awaited?.()
    return super.then(onFulfilled, onRejected)
  }
}

/** Returns the promise for a caller. Calls `awaited` each time the caller awaits it. */
export const observed = <T>(promise: Promise<T>, awaited: () => void): Promise<T> => {
  const returned = new ObservedPromise<T>((resolve, reject) => void promise.then(resolve, reject))
  returned.awaited = awaited
  return returned
}

/**
 * Returns the promise for a caller who may ignore it. If it rejects and nobody has awaited it by the end of the turn,
 * `report` gets the error, instead of `unhandledRejection`, which ends the process.
 */
export const reported = <T>(promise: Promise<T>, report: (error: unknown) => void): Promise<T> => {
  let isHandled = false
  const returned = observed(promise, () => {
    isHandled = true
  })
  promise.catch((error) => setImmediate(() => isHandled || report(error)))
  // Marks the rejection as handled, and does not count as a caller.
  Promise.prototype.then.call(returned, undefined, () => {})
  return returned
}
