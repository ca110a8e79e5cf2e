/** Longest name of a room or a person, in characters. */
const MAX_NAME = 32

/** Counts code points, so that no emoji is cut in half. */
const shorten = (text: string): string => [...text].slice(0, MAX_NAME).join('')

/** Converts typed text into a room's name: one segment of a topic. Empty if no valid character is left. */
export const toRoom = (typed: string): string =>
  shorten(
    typed
      .trim()
      .toLowerCase()
      .replace(/\s+/gu, '-')
      .replace(/[/*\p{Cc}\p{Cs}]/gu, '')
      .replace(/^[$:]+/, ''),
  )

export const toName = (typed: string): string => shorten(typed.replace(/[\p{Cc}\p{Cs}]/gu, '').trim())

/** The room in the page's address, `#/room/<name>`; empty if there is none. */
export const roomInAddress = (): string => {
  const [, room = ''] = /^#\/room\/(.+)$/.exec(location.hash) ?? []
  try {
    return toRoom(decodeURIComponent(room))
  } catch {
    return ''
  }
}

export const addressOf = (room: string): string => `#/room/${encodeURIComponent(room)}`
