/** `rooms/:room/messages` becomes `RoomsRoomMessages`. */
export const pascalCase = (text: string): string => {
  const words = text
    .replaceAll('*', 'all')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '')
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}

/** `rooms/:room/messages` becomes `roomsRoomMessages`. */
export const camelCase = (text: string): string => {
  const name = pascalCase(text)
  return name.charAt(0).toLowerCase() + name.slice(1)
}

/** Makes names unique: a name that is taken already gets a number. */
export class UniqueNames {
  readonly #taken: Set<string>

  constructor(taken: readonly string[] = []) {
    this.#taken = new Set(taken)
  }

  take(wanted: string): string {
    const base = wanted || 'unnamed'
    let name = base
    for (let number = 2; this.#taken.has(name); number++) name = `${base}${number}`
    this.#taken.add(name)
    return name
  }
}
