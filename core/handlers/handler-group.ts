import { checkGroupOptions, timeoutOf } from './handle-arguments.ts'
import type { HandlerDefaults, Handlers } from './handlers.ts'
import type { AnyMiddleware, GroupOptions } from './middleware.ts'
import { SessionRate } from './session-rate.ts'

/** A group of handlers, without its types. See `HandlerGroup`. */
export interface UntypedGroup {
  handle(topic: string, ...args: readonly unknown[]): () => void
  group(options: GroupOptions<readonly AnyMiddleware[]>): UntypedGroup
}

/** @throws `invalid_option` */
export const createGroup = (
  handlers: Handlers,
  options: GroupOptions<readonly AnyMiddleware[]>,
  outer?: HandlerDefaults,
): UntypedGroup => {
  checkGroupOptions(options)
  const { rate, use = [] } = options
  const defaults: HandlerDefaults = {
    use: [...(outer?.use ?? []), ...use],
    rate: rate ? new SessionRate(rate) : outer?.rate,
    timeout: timeoutOf(options) ?? outer?.timeout,
  }
  return {
    handle: (topic, ...args) => handlers.addTo(defaults, topic, args),
    group: (inner) => createGroup(handlers, inner, defaults),
  }
}
