import type { App } from '../../../core/app/app.ts'
import type { Token } from '../../../core/util/token.ts'

const isPrimitive = (value: unknown): boolean => value === null || !/^(object|function)$/.test(typeof value)

/** Wraps an object: a primitive property that was read once stays readable after its getter has begun to throw. */
const cacheProperties = <T extends object>(object: T): T => {
  const known = new Map<PropertyKey, unknown>()
  return new Proxy(object, {
    get(target, key) {
      let value: unknown
      try {
        value = Reflect.get(target, key, target)
      } catch (error) {
        if (known.has(key)) return known.get(key)
        throw error
      }
      if (isPrimitive(value)) known.set(key, value)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/**
 * Wraps an app for `ConformanceOptions.connect`: the port or URL that a plugin provides stays readable after the app
 * has stopped. A case needs it then, to check that the transport accepts no connection any more.
 */
export const withCachedScope = (app: App): App => {
  const provided = new Map<unknown, unknown>()
  const get = (token: Token<unknown>): unknown => {
    if (!provided.has(token)) {
      const value = app.scope.get(token)
      provided.set(token, typeof value === 'object' && value !== null ? cacheProperties(value) : value)
    }
    return provided.get(token)
  }
  const scope = new Proxy(app.scope, {
    get: (target, key) => (key === 'get' ? get : Reflect.get(target, key, target)),
  })
  return new Proxy(app, {
    get(target, key) {
      const value = key === 'scope' ? scope : Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
