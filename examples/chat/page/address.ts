/** Longest room and longest name that the page offers. */
const MAX_NAME = 32

/** By whole characters, not by halves of an emoji. */
const shorten = (text: string): string => [...text].slice(0, MAX_NAME).join('')

/** Makes a room's name of what somebody typed: one segment of a topic. Empty when nothing is left. */
export const toRoom = (typed: string): string =>
  shorten(
    typed
      .trim()
      .toLowerCase()
      .replace(/\s+/gu, '-')
      .replace(/[/*\p{Cc}\p{Cs}]/gu, '')
      .replace(/^\$+/, ''),
  )

export const toName = (typed: string): string => shorten(typed.replace(/[\p{Cc}\p{Cs}]/gu, '').trim())

/** The room in the page's address, `#/room/<name>`; empty when there is none. */
export const roomInAddress = (): string => {
  const [, room = ''] = /^#\/room\/(.+)$/.exec(location.hash) ?? []
  try {
    return toRoom(decodeURIComponent(room))
  } catch {
    return ''
  }
}

export const addressOf = (room: string): string => `#/room/${encodeURIComponent(room)}`

/** The name last used in this tab, or else in another one. */
export const savedName = (): string =>
  toName(sessionStorage.getItem('name') ?? localStorage.getItem('name') ?? '')

/** Remembers the name, so that reloading keeps it and a new tab is the same person. */
export const saveName = (name: string): void => {
  sessionStorage.setItem('name', name)
  localStorage.setItem('name', name)
}
