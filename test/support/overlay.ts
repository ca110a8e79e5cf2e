/** Wraps an object and replaces some of its members. */
export const overlay = <T extends object>(object: T, over: Partial<T> = {}): T =>
  new Proxy(object, {
    get(target, key) {
      if (key in over) return Reflect.get(over, key)
      const value = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
