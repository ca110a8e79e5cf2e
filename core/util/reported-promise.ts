/** A promise that tells when it is awaited. Promises that derive from it are plain. */
class ReportedPromise<T> extends Promise<T> {
  isHandled = false

  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  // biome-ignore lint/suspicious/noThenProperty: `await`, `catch`, `finally` and `Promise.all` all call `then`.
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.isHandled = true
    return super.then(onFulfilled, onRejected)
  }
}

/**
 * Returns the promise for a caller who may ignore it. If it rejects and nobody has awaited it by the end of the turn,
 * `report` gets the error, instead of `unhandledRejection`, which ends the process.
 */
export const reported = <T>(promise: Promise<T>, report: (error: unknown) => void): Promise<T> => {
  const returned = new ReportedPromise<T>((resolve, reject) => void promise.then(resolve, reject))
  promise.catch((error) => setImmediate(() => returned.isHandled || report(error)))
  // Marks the rejection as handled, and does not count as a caller.
  Promise.prototype.then.call(returned, undefined, () => {})
  return returned
}
