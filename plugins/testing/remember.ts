import type { App } from '../../core/app/app.ts'
import type { Token } from '../../core/util/token.ts'

const isPlain = (value: unknown): boolean => value === null || !/^(object|function)$/.test(typeof value)

/** An object whose plain properties stay readable as they were, once they no longer can be read. */
const rememberOf = <T extends object>(object: T): T => {
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
      if (isPlain(value)) known.set(key, value)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/**
 * The app as those see it who connect peers to it: what it provides can still be asked where it listened when it
 * has stopped, to try whether somebody still listens there.
 */
export const rememberScope = (app: App): App => {
  const provided = new Map<unknown, unknown>()
  const get = (token: Token<unknown>): unknown => {
    if (!provided.has(token)) {
      const value = app.scope.get(token)
      provided.set(token, typeof value === 'object' && value !== null ? rememberOf(value) : value)
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
