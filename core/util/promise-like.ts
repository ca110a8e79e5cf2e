/** Whether a value has to be waited for: not every promise is one of this realm, or a native one. */
export const isPromiseLike = <T = unknown>(value: unknown): value is PromiseLike<T> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
